//! An honest pledge, as strict as RFC 8995 §5.6 asks.
//!
//! 1. connect provisionally and keep the chain (§5.1)
//! 2. request a voucher; on 202 wait and send the same bytes again (§5.2, §5.6)
//! 3. verify the voucher; judge the kept chain by its pin (§5.6.1, §5.6.2)
//! 4. report on the voucher (§5.7)
//! 5. fetch CA certificates and CSR attributes (§5.9.1, §5.9.2)
//! 6. enroll with a new key and the IDevID's subject (§5.9.3)
//! 7. verify the LDevID, reconnect with it, report on the enrolment (§5.9.4)
//! 8. optionally re-enroll (RFC 7030 §4.2.2)
//!
//! Does not: discover a registrar; it is told one. What of this is BRSKI is done by `proto-brski` (ADR 6).
//! Invariants: nothing that came over a provisional connection is believed before step 3; one nonce serves one attempt.

mod enroll;
mod onboard;
mod session;
mod step;
mod transcript;
mod voucher;

pub(crate) use enroll::decode_est;
pub use enroll::{
    Enrollment, TrustAnchors, ldevid_request, parse_certificates, verify_ldevid, verify_server,
};
pub use onboard::{Enrolled, Onboarding, Params, Reenrollment, onboard, reenroll};
pub use session::Session;
pub use step::Step;
pub use transcript::{Entry, Running, Transcript, micros, millis_text, short};
pub use voucher::{report, request_voucher, signed_request, verify_voucher};
