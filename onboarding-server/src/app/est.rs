//! What of EST there is on this server, by whichever transport it is asked.
//!
//! Source: RFC 7030 §3.2.2, §4.3, §4.4.

use proto::{Class, Reason, ReasonCode};
use proto_est::Label;

use crate::context::Context;

/// The operation exists, but not on this server.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Unoffered {
    /// Server-side key generation is off.
    #[error("server-side key generation is not offered")]
    ServerKeygen,
    /// Full CMC is not spoken.
    #[error("full CMC is not offered")]
    FullCmc,
    /// There is no CA of that label.
    #[error("there is no CA of that label")]
    Label,
}

impl Reason for Unoffered {
    fn class(&self) -> Class {
        Class::Unknown
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::ServerKeygen => ReasonCode::new("est-serverkeygen-off"),
            Self::FullCmc => ReasonCode::new("est-fullcmc-unsupported"),
            Self::Label => ReasonCode::new("est-label-unknown"),
        }
    }
}

/// A label names a CA (RFC 7030 §3.2.2); there is one, and its label is the name of the domain.
pub(crate) fn check_label(context: &Context, label: Option<&Label>) -> Result<(), Unoffered> {
    let Some(label) = label else { return Ok(()) };
    let owner = context.owner.as_ref().ok_or(Unoffered::Label)?;
    if owner.settings.domain.eq_ignore_ascii_case(label.as_str()) { Ok(()) } else { Err(Unoffered::Label) }
}
