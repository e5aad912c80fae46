//! `gangway devices watch`: follows events, and goes on where it was after a broken connection.
//! Does not: lose or repeat an event; the cursor is the last place seen.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use proto_api::v1::event_service_client::EventServiceClient;
use proto_api::v1::watch_response::Item;
use proto_api::v1::{DeviceReference, Event, WatchRequest, WatchResponse};
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::devices::{device_id, parse_reference};
use crate::error::Error;
use crate::output::{Output, Stream};
use crate::progress::note;
use crate::view;

/// What is followed, and how long.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// Events after this place in the journal, 0 for all; without it only those to come
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// Only of this device, named as in `show`
    #[arg(long, value_name = "DEVICE", value_parser = parse_reference)]
    device: Option<DeviceReference>,
    /// Only of this manufacturer
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    manufacturer: String,
    /// Only of this kind, such as voucher-issued; may be given more than once
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// End when all that had happened was shown
    #[arg(long)]
    until_caught_up: bool,
}

/// The longest wait before the connection is tried again.
const RETRY_SECONDS_MAX: u64 = 30;

/// Where the watch stands.
#[derive(Debug, PartialEq, Eq)]
struct Cursor {
    after_seq: Option<u64>,
    left: Option<u64>,
    is_over: bool,
}

/// Follows events until the end that was asked for.
///
/// # Errors
/// The call's, unless the connection broke after it had stood: then it is tried again.
pub(crate) async fn watch<W: Write>(
    channel: Channel,
    args: &WatchArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    let device_id = match &args.device {
        Some(device) => device_id(&channel, device).await?,
        None => String::new(),
    };
    let request = WatchRequest {
        after_seq: None,
        device_id,
        manufacturer: args.manufacturer.clone(),
        kinds: args.kind.clone(),
    };
    let mut client = EventServiceClient::new(channel);
    let mut cursor = Cursor { after_seq: args.from, left: args.count, is_over: args.count == Some(0) };
    let mut stream = output.stream(view::EVENTS);
    let mut wait_seconds = 1;
    let mut has_stood = false;
    while !cursor.is_over {
        let before = cursor.after_seq;
        let request = WatchRequest { after_seq: before, ..request.clone() };
        let ended = match client.watch(request).await {
            Ok(answers) => follow(answers.into_inner(), args.until_caught_up, &mut cursor, &mut stream).await,
            Err(status) => Err(status.into()),
        };
        has_stood |= cursor.after_seq != before;
        match ended {
            Ok(()) if cursor.is_over => return Ok(()),
            Ok(()) => {}
            Err(Error::Call(status)) if has_stood && is_passing(&status) => {}
            Err(fault) => return Err(fault),
        }
        if cursor.after_seq != before {
            wait_seconds = 1;
        }
        note(&format!(
            "connection lost at {}; trying again in {wait_seconds} s",
            cursor.after_seq.unwrap_or(0)
        ));
        tokio::time::sleep(Duration::from_secs(wait_seconds)).await;
        wait_seconds = (wait_seconds * 2).min(RETRY_SECONDS_MAX);
    }
    Ok(())
}

async fn follow<W: Write>(
    mut answers: Streaming<WatchResponse>,
    is_caught_up_enough: bool,
    cursor: &mut Cursor,
    stream: &mut Stream<'_, W>,
) -> Result<(), Error> {
    while !cursor.is_over
        && let Some(answer) = answers.message().await?
    {
        match answer.item {
            Some(Item::Event(event)) => {
                stream.entry(&view::event(&event))?;
                cursor.saw(&event);
            }
            Some(Item::ReachedSeq(seq)) => cursor.reached(seq, is_caught_up_enough),
            None => {}
        }
    }
    Ok(())
}

impl Cursor {
    fn saw(&mut self, event: &Event) {
        self.after_seq = Some(event.seq);
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.is_over = self.left == Some(0);
    }

    fn reached(&mut self, seq: u64, is_enough: bool) {
        self.after_seq = self.after_seq.max(Some(seq));
        self.is_over |= is_enough;
    }
}

/// Tells a broken connection or a stopping server from an answer that will stay the same.
fn is_passing(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_the_last_place_seen_and_counts_down() {
        let mut cursor = Cursor { after_seq: Some(3), left: Some(2), is_over: false };
        cursor.saw(&Event { seq: 5, ..Event::default() });
        assert_eq!(cursor, Cursor { after_seq: Some(5), left: Some(1), is_over: false });
        cursor.reached(9, false);
        assert_eq!(cursor.after_seq, Some(9));
        cursor.saw(&Event { seq: 12, ..Event::default() });
        assert!(cursor.is_over);
    }

    #[test]
    fn a_watch_without_start_resumes_from_where_the_server_stood() {
        let mut cursor = Cursor { after_seq: None, left: None, is_over: false };
        cursor.reached(7, false);
        assert_eq!(cursor, Cursor { after_seq: Some(7), left: None, is_over: false });
        cursor.reached(7, true);
        assert!(cursor.is_over);
    }

    #[test]
    fn a_refusal_is_not_tried_again() {
        assert!(is_passing(&Status::unavailable("")));
        assert!(!is_passing(&Status::permission_denied("")));
    }
}
