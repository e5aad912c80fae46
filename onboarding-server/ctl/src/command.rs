//! One file per noun; each holds its arguments and what they do.
//! Does not: print but through `Output`, connect but through `Session`.

pub(crate) mod authorities;
pub(crate) mod change;
pub(crate) mod devices;
pub(crate) mod factory;
pub(crate) mod import;
pub(crate) mod issue;
pub(crate) mod issue_many;
pub(crate) mod journal;
pub(crate) mod watch;

use clap::Args;
use proto_api::PAGE_SIZE_MAX;
use proto_api::v1::Page;
use tonic::transport::Channel;

use crate::connect::connect;
use crate::error::Error;
use crate::profile::ConnectionArgs;
use crate::progress::note;

/// The most octets of an answer: a page of 1000 journal records can be large.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Opens the connection that the options name.
///
/// # Errors
/// Those of [`ConnectionArgs::complete`] and [`connect`].
pub(crate) async fn open(args: &ConnectionArgs) -> Result<Channel, Error> {
    connect(&args.complete()?).await
}

/// How much of a list is wanted.
#[derive(Args, Clone, Debug)]
pub(crate) struct ListArgs {
    /// The most entries shown
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "all")]
    limit: u64,
    /// Show all entries
    #[arg(long)]
    all: bool,
    /// Go on where an earlier list stopped
    #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
    page_token: String,
}

/// Where a list under way stands.
pub(crate) struct Pages {
    left: u64,
    token: String,
    is_over: bool,
}

impl Pages {
    pub(crate) fn new(args: &ListArgs) -> Self {
        let left = if args.all { u64::MAX } else { args.limit };
        Self { left, token: args.page_token.clone(), is_over: left == 0 }
    }

    /// Returns the page to ask for next; `None` when enough was shown or nothing is left.
    pub(crate) fn next(&self) -> Option<Page> {
        let size = u32::try_from(self.left).unwrap_or(PAGE_SIZE_MAX).min(PAGE_SIZE_MAX);
        if self.is_over { None } else { Some(Page { size, token: self.token.clone() }) }
    }

    /// Notes what a page brought.
    pub(crate) fn took(&mut self, entries: usize, next_page_token: String) {
        self.left = self.left.saturating_sub(u64::try_from(entries).unwrap_or(u64::MAX));
        self.is_over = self.left == 0 || next_page_token.is_empty();
        self.token = next_page_token;
    }

    /// Tells on standard error that more is on record, and returns the token that goes on.
    pub(crate) fn finish(self, shown: u64) -> String {
        if !self.token.is_empty() {
            note(&format!(
                "{shown} shown, more on record: use --all, --limit N or --page-token {}",
                self.token
            ));
        }
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(limit: u64, all: bool) -> ListArgs {
        ListArgs { limit, all, page_token: String::new() }
    }

    #[test]
    fn pages_are_asked_for_until_the_limit() {
        let mut pages = Pages::new(&args(1500, false));
        assert_eq!(pages.next().map(|page| page.size), Some(1000));
        pages.took(1000, "t".into());
        assert_eq!(pages.next(), Some(Page { size: 500, token: "t".into() }));
        pages.took(500, "u".into());
        assert_eq!(pages.next(), None);
        assert_eq!(pages.finish(1500), "u");
    }

    #[test]
    fn an_empty_page_with_a_token_is_not_the_end_and_one_without_is() {
        let mut pages = Pages::new(&args(0, true));
        pages.took(0, "t".into());
        assert!(pages.next().is_some());
        pages.took(3, String::new());
        assert!(pages.next().is_none());
    }

    #[test]
    fn a_limit_of_nothing_asks_for_nothing() {
        assert!(Pages::new(&args(0, false)).next().is_none());
    }
}
