"""The parties of constrained BRSKI made of cbor2 and cryptography: no line of ours reads or writes for them.

Usage: party.py ROLE < JSON > JSON, where ROLE is pledge-asks, masa-answers or pledge-accepts. Byte strings are hex.
Source: draft-ietf-anima-constrained-voucher-31, RFC 9052, RFC 9254, RFC 9360.
"""

import json
import sys

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

# Deltas from the SIDs of the containers (rfc8366bis).
VOUCHER, VOUCHER_REQUEST = 2451, 2501
ALG, X5BAG = 1, 32
ES256, ES384, EDDSA = -7, -35, -8
CMC_RA = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.28")


def sig_structure(protected, payload):
    return cbor2.dumps(["Signature1", protected, b"", payload])


def sign(key, payload, unprotected):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        protected = cbor2.dumps({ALG: EDDSA})
        signature = key.sign(sig_structure(protected, payload))
    else:
        half, alg, digest = {256: (32, ES256, hashes.SHA256()), 384: (48, ES384, hashes.SHA384())}[key.curve.key_size]
        protected = cbor2.dumps({ALG: alg})
        r, s = utils.decode_dss_signature(key.sign(sig_structure(protected, payload), ec.ECDSA(digest)))
        signature = r.to_bytes(half, "big") + s.to_bytes(half, "big")
    return cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, payload, signature]))


def verify(key, message):
    """Returns the payload and the unprotected header, or raises."""
    tag = cbor2.loads(message)
    assert tag.tag == 18, tag.tag
    protected, unprotected, payload, signature = tag.value
    alg = cbor2.loads(protected)[ALG]
    signed = sig_structure(protected, payload)
    if alg == EDDSA:
        key.verify(signature, signed)
    else:
        digest = {ES256: hashes.SHA256(), ES384: hashes.SHA384()}[alg]
        half = len(signature) // 2
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(digest))
    return payload, unprotected


def bag(unprotected):
    """One certificate is a byte string, more are an array (RFC 9360)."""
    certificates = unprotected.get(X5BAG, [])
    certificates = [certificates] if isinstance(certificates, bytes) else certificates
    return [x509.load_der_x509_certificate(certificate) for certificate in certificates]


def is_registrar(certificate):
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return CMC_RA in usage


def private_key(pem):
    return serialization.load_pem_private_key(pem.encode(), None)


def pledge_asks(given):
    """A pledge that names the registrar's key; with names or with SIDs, as it is told."""
    nonce, spki = bytes.fromhex(given["nonce"]), bytes.fromhex(given["registrar_spki"])
    if given["with_names"]:
        leaves = {"assertion": 2, "nonce": nonce, "proximity-registrar-pubk": spki, "serial-number": given["serial"]}
        data = {"ietf-voucher-request:voucher": leaves}
    else:
        data = {VOUCHER_REQUEST: {1: 2, 7: nonce, 12: spki, 13: given["serial"]}}
    return {"pvr": sign(private_key(given["key"]), cbor2.dumps(data), {}).hex()}


def masa_answers(given):
    """A MASA that believes what it can check, and pins the lowest CA."""
    rvr = bytes.fromhex(given["rvr"])
    certificates = bag(cbor2.loads(rvr).value[1])
    registrar = next(certificate for certificate in certificates if is_registrar(certificate))
    payload, _ = verify(registrar.public_key(), rvr)
    request = cbor2.loads(payload)[VOUCHER_REQUEST]
    pvr = request[9]
    serial = request[13]
    device = next(
        certificate
        for certificate in certificates
        if any(a.value == serial for a in certificate.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER))
    )
    inner = cbor2.loads(verify(device.public_key(), pvr)[0])
    inner = inner.get(VOUCHER_REQUEST) or inner["ietf-voucher-request:voucher"]
    assert request[7] == (inner.get(7) or inner["nonce"]), "the nonces differ"
    ca = next(certificate for certificate in certificates if certificate.subject == registrar.issuer)
    pinned = ca.public_bytes(serialization.Encoding.DER)
    voucher = {1: 2, 2: "2026-11-25T06:00:00Z", 3: False, 7: request[7], 8: pinned, 11: serial}
    chain = [bytes.fromhex(certificate) for certificate in given["masa_chain"]]
    unprotected = {X5BAG: chain[0] if len(chain) == 1 else chain}
    answer = sign(private_key(given["masa_key"]), cbor2.dumps({VOUCHER: voucher}), unprotected)
    return {
        "voucher": answer.hex(),
        "pvr": pvr.hex(),
        "keys": sorted(request),
        "assertion": request[1],
        "created_on": request[2],
        "idevid_issuer": request[5].hex(),
        "certificates": len(certificates),
    }


def pledge_accepts(given):
    """A pledge that knows the MASA's certificate."""
    masa = x509.load_der_x509_certificate(bytes.fromhex(given["masa"]))
    payload, unprotected = verify(masa.public_key(), bytes.fromhex(given["voucher"]))
    voucher = cbor2.loads(payload)[VOUCHER]
    assert voucher[7].hex() == given["nonce"] and voucher[11] == given["serial"], voucher
    return {"pinned": voucher[8].hex(), "assertion": voucher[1], "certificates": len(bag(unprotected))}


ROLES = {"pledge-asks": pledge_asks, "masa-answers": masa_answers, "pledge-accepts": pledge_accepts}

if __name__ == "__main__":
    json.dump(ROLES[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
