//! The crypto floor of one onboarding: what no server can do without, item by item, and what each item costs here.
//!
//! Source: RFC 8446 §4.4.3 (handshake), RFC 8995 §5.1 to §5.9.4, RFC 7030 §3.3.2, §4.2.
//! Does not: count hashes, symmetric ciphers or key schedules; nor what is the same for every onboarding and could be
//! known already (certificates of CAs, of the registrar, of the voucher's signer; the connection to the MASA); nor what
//! our server checks beyond what the standards ask (that the voucher to be relayed is signed).
//! Invariants: each primitive is measured through `pki` with the algorithms that the server uses.

use std::hint::black_box;
use std::time::Duration;
use std::{fmt, thread};

use device_sim::table::Table;
use pki::{KeyAlgorithm, Signer};

use super::cpu;

/// How many bytes are signed and verified: a certificate's or a voucher-request's signed part.
const MESSAGE_BYTES: usize = 512;

/// A primitive that has a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primitive {
    /// The server's half of the key exchange that both sides prefer, X25519MLKEM768: one X25519 key made, one shared secret
    /// computed, one ML-KEM-768 encapsulation.
    KeyAgreement,
    /// An ECDSA signature with P-256 and SHA-256.
    Sign,
    /// The verification of one.
    Verify,
}

/// Something that an onboarding needs of the server.
#[derive(Clone, Copy, Debug)]
struct Need {
    primitive: Primitive,
    count: u32,
    what: &'static str,
}

/// One onboarding: provisional TLS, voucher, enrolment, TLS with the LDevID, confirmation.
const NEEDS: [Need; 14] = [
    need(Primitive::KeyAgreement, 2, "TLS with the pledge, TLS with the device (RFC 8446 §4.2.8)"),
    need(Primitive::Sign, 2, "the registrar's CertificateVerify in both (RFC 8446 §4.4.3)"),
    need(Primitive::Verify, 2, "the far end's CertificateVerify in both (RFC 8446 §4.4.3)"),
    need(Primitive::Verify, 1, "registrar: the IDevID's certificate (RFC 8995 §5.2)"),
    need(Primitive::Verify, 1, "registrar: the pledge's voucher-request (RFC 8995 §5.2)"),
    need(Primitive::Sign, 1, "registrar: its own voucher-request (RFC 8995 §5.5)"),
    need(Primitive::Verify, 1, "MASA: the registrar's voucher-request (RFC 8995 §5.5.3)"),
    need(Primitive::Verify, 1, "MASA: the IDevID's certificate (RFC 8995 §5.5.5)"),
    need(Primitive::Verify, 1, "MASA: the pledge's voucher-request inside (RFC 8995 §5.5.5)"),
    need(Primitive::Sign, 1, "MASA: the voucher (RFC 8995 §5.6)"),
    need(Primitive::Verify, 1, "EST: the certification request (RFC 7030 §4.2.1)"),
    need(Primitive::Sign, 1, "EST: the LDevID's certificate (RFC 7030 §4.2.3)"),
    need(Primitive::Verify, 1, "registrar: the LDevID's certificate (RFC 7030 §3.3.2)"),
    need(Primitive::KeyAgreement, 0, "registrar and MASA: TLS, its connection is kept (RFC 8995 §5.4)"),
];

const fn need(primitive: Primitive, count: u32, what: &'static str) -> Need {
    Need { primitive, count, what }
}

/// What each primitive costs on this machine now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    key_agreement: Duration,
    sign: Duration,
    verify: Duration,
}

impl Prices {
    /// Measures each primitive `repeats` times on each of two threads at once, as the server and the devices keep two
    /// cores busy: what cores share costs both sides of a comparison alike. Only processor time counts.
    ///
    /// # Panics
    /// Panics when the provider has no such primitive.
    #[must_use]
    pub fn measure(repeats: u32) -> Self {
        let [one, other] = thread::scope(|scope| {
            [(); 2]
                .map(|()| scope.spawn(|| Self::measure_here(repeats)))
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        one.mean(other)
    }

    /// Returns the prices halfway between two measurements.
    #[must_use]
    pub fn mean(self, other: Self) -> Self {
        Self {
            key_agreement: (self.key_agreement + other.key_agreement) / 2,
            sign: (self.sign + other.sign) / 2,
            verify: (self.verify + other.verify) / 2,
        }
    }

    fn measure_here(repeats: u32) -> Self {
        let signer = Signer::generate(KeyAlgorithm::EcdsaP256).expect("a key is made");
        let message = [0x5a; MESSAGE_BYTES];
        let signature = signer.sign(&message).expect("a signature is made");
        let provider = pki::tls::provider();
        let group = *provider.kx_groups.first().expect("there is a key exchange");
        let share = group.start().expect("a key share is made").pub_key().to_vec();
        Self {
            key_agreement: price(repeats, || group.start_and_complete(&share).map(drop).is_ok()),
            sign: price(repeats, || signer.sign(black_box(&message)).is_ok()),
            verify: price(repeats, || {
                let (key, algorithm) = (signer.public_key(), signer.signature_algorithm());
                key.verify(algorithm, black_box(&message), &signature).is_ok()
            }),
        }
    }

    const fn of(&self, primitive: Primitive) -> Duration {
        match primitive {
            Primitive::KeyAgreement => self.key_agreement,
            Primitive::Sign => self.sign,
            Primitive::Verify => self.verify,
        }
    }

    /// Returns the floor: all needs of one onboarding at these prices.
    #[must_use]
    pub fn floor(&self) -> Duration {
        NEEDS.iter().map(|need| self.of(need.primitive) * need.count).sum()
    }
}

impl fmt::Display for Prices {
    /// Draws the items of the floor.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[">count", "primitive", ">µs each", ">µs", "for"]);
        for need in &NEEDS {
            let name = match need.primitive {
                Primitive::KeyAgreement => "X25519MLKEM768",
                Primitive::Sign => "P-256 sign",
                Primitive::Verify => "P-256 verify",
            };
            let each = self.of(need.primitive);
            let (each, all) = (micros(each), micros(each * need.count));
            table.row([need.count.to_string(), name.to_owned(), each, all, need.what.to_owned()]);
        }
        table.row(["", "floor", "", &micros(self.floor()), ""]);
        write!(f, "{table}")
    }
}

fn micros(span: Duration) -> String {
    format!("{:.1}", span.as_secs_f64() * 1e6)
}

/// Returns the processor time of one call; a first tenth of the calls only warms up.
fn price(repeats: u32, mut call: impl FnMut() -> bool) -> Duration {
    assert!((0..=repeats / 10).all(|_| call()), "the primitive works");
    let before = cpu::of_this_thread();
    assert!((0..repeats).all(|_| call()), "the primitive works");
    (cpu::of_this_thread() - before) / repeats
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICES: Prices = Prices {
        key_agreement: Duration::from_micros(100),
        sign: Duration::from_micros(10),
        verify: Duration::from_micros(1),
    };

    #[test]
    fn the_floor_is_two_agreements_five_signatures_and_nine_verifications() {
        assert_eq!(PRICES.floor(), Duration::from_micros(2 * 100 + 5 * 10 + 9));
        assert!(PRICES.to_string().contains("259.0"), "{PRICES}");
    }

    #[test]
    fn every_primitive_costs_something() {
        let prices = Prices::measure(20);
        assert!([prices.key_agreement, prices.sign, prices.verify].iter().all(|price| !price.is_zero()));
    }

    #[test]
    fn the_key_exchange_is_the_one_that_is_named() {
        let group = pki::tls::provider().kx_groups.first().map(|group| format!("{:?}", group.name()));
        assert_eq!(group.as_deref(), Some("X25519MLKEM768"));
    }
}
