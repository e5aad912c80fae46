//! COSE_Sign1: our own round trips, every field bent, the published messages, OpenSSL on the other side.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod bent;
mod round_trip;
mod strangers;
mod vectors;

use pki::{Certificate, KeyAlgorithm, Profile, Signer};

/// A signer below a CA: its key, and its chain, its own certificate first.
pub(crate) struct World {
    pub(crate) signer: Signer,
    pub(crate) chain: Vec<Certificate>,
}

pub(crate) fn world(algorithm: KeyAlgorithm) -> World {
    let issuer = common::root(Profile::ManufacturerRoot, algorithm);
    let signer = Signer::generate(algorithm).unwrap();
    let own = issuer.issue(&common::template(Profile::MasaVoucherSigner, &signer)).unwrap();
    let chain = vec![own, issuer.certificate().clone()];
    World { signer, chain }
}
