//! When a thing happened and who did it; every write carries both.
//!
//! Does not: read a clock. The caller says what time it is.

use proto::{Fingerprint, LineId, UnixTime};
use serde::{Deserialize, Serialize};

use crate::blob::Text;

/// The time and the author of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// When the server took the request up.
    pub at: UnixTime,
    /// Who asked for it.
    pub actor: Actor,
}

impl Stamp {
    /// Stamps a write that `actor` asks for at `at`.
    #[must_use]
    pub const fn new(at: UnixTime, actor: Actor) -> Self {
        Self { at, actor }
    }

    /// Stamps a write that the server makes of its own accord.
    #[must_use]
    pub const fn system(at: UnixTime) -> Self {
        Self { at, actor: Actor::System }
    }
}

/// Who asked for a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A device, known by the certificate (IDevID or LDevID) that it authenticated with.
    Pledge(Fingerprint),
    /// A person, by the name in the operator's certificate.
    Operator(Text),
    /// A factory station, by the line its certificate is bound to.
    Station(LineId),
    /// Another registrar, by the certificate that signed its request to our MASA.
    Registrar(Fingerprint),
    /// The server itself: timers, outbox, recovery.
    System,
}
