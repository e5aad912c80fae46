//! The admin and factory API `onboarding.v1`: messages, clients and service traits made from `onboarding/v1/*.proto`.
//!
//! Does not: know the server, open a connection, decide who may call; it only says which roles may.
//! Invariants: every method has an entry in [`ROLES`]; [`FILE_DESCRIPTOR_SET`] is made from the same files as the code.

mod profile;
mod roles;
mod time;

pub use profile::Profile;
pub use roles::{ROLES, Role, allows, roles_of};
pub use time::{timestamp, unix_time};

/// Version 1 of the API, as generated: messages, enums, and per service a client and a server module.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]
#[allow(clippy::too_many_lines, clippy::wildcard_enum_match_arm, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("onboarding.v1");
}

/// The compiled `.proto` files with their imports and comments, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("onboarding.v1");

/// The `domain` of the `google.rpc.ErrorInfo` in every error of ours; its `reason` is the stable reason code.
pub const ERROR_DOMAIN: &str = "gangway";

/// The key in the metadata of that `ErrorInfo` under which the class stands, in the words of `proto::Class::name`.
pub const ERROR_CLASS_KEY: &str = "class";

/// The most rows of one `ImportDevicesRequest`, and the most items of one `IssueIdevIdsRequest`: as many as the journal
/// makes durable in one group (DESIGN §6).
pub const BATCH_ITEMS_MAX: usize = 256;

/// How many entries a page has when `Page.size` is 0.
pub const PAGE_SIZE_DEFAULT: u32 = 100;

/// The most entries that a page has, whatever `Page.size` asks.
pub const PAGE_SIZE_MAX: u32 = 1000;

/// The most characters of a person's reason for a decision.
pub const REASON_CHARS_MAX: usize = 500;

impl v1::Page {
    /// Returns how many entries this page has at the most: within bounds, whatever was asked.
    #[must_use]
    pub const fn size_bounded(&self) -> u32 {
        match self.size {
            0 => PAGE_SIZE_DEFAULT,
            size if size > PAGE_SIZE_MAX => PAGE_SIZE_MAX,
            size => size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_never_empty_and_never_huge() {
        let size = |size| v1::Page { size, token: String::new() }.size_bounded();
        assert_eq!(size(0), PAGE_SIZE_DEFAULT);
        assert_eq!(size(1), 1);
        assert_eq!(size(u32::MAX), PAGE_SIZE_MAX);
    }
}
