//! Strangers: programs that share no line with ours do the whole of a pledge's or an operator's part.

mod bench;
mod coaps;
mod cose_python;
mod dtls;
mod grpc_python;
mod libcoap;
mod openssl_curl;
mod strongswan;
