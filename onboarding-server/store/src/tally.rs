//! What is refused again and again, counted, so that a count and not each refusal is recorded.
//!
//! 1. The first refusal of a device for a reason is recorded at once and opens a window.
//! 2. Those that follow are counted. One summary tells of them when the window ends; before that, once in a window, when
//!    the device is refused for another reason, so that a timeline reads in order.
//! 3. While they go on, window follows window; after one without any the next is a first one again.
//! 4. All records share a budget. What it does not cover is counted and told when it does.
//!
//! Does not: read a clock; write. It is in memory only: whoever answers requests keeps one and records what it says.
//! Invariants: memory and records are bounded by the constants below, whoever asks however often; what was noted is in
//! a record or in the tally, never in both.

use std::collections::BTreeMap;
use std::time::Duration;

use proto::{DeviceId, UnixTime};

use crate::repeat::{Repeated, Repeats};

/// How long repetitions are counted before a summary tells of them, in seconds.
pub const WINDOW_SECONDS: u64 = 3_600;
/// How many things are counted apart for one device; the rest is counted as various.
pub const CAUSES_PER_DEVICE_MAX: usize = 16;
/// How many things are counted apart in all; about 5 MB.
pub const CAUSES_MAX: usize = 16_384;
/// How many records refusals may make in a minute, over all devices.
pub const RECORDS_PER_MINUTE_MAX: u32 = 120;

const MINUTE_MILLIS: u64 = 60_000;

/// What is to be recorded now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct TallyNote {
    /// Whether what was noted is to be recorded by itself; else it is counted.
    pub is_first: bool,
    /// What the device did before and does no longer, to be recorded first.
    pub ended: Option<Repeats>,
}

/// The refusals of one role of the server.
#[derive(Debug, Default)]
pub struct Tally {
    devices: BTreeMap<DeviceId, Causes>,
    /// How many entries all devices have together.
    causes: usize,
    various: Option<Span>,
    budget: Budget,
}

/// What is counted of one device.
#[derive(Debug)]
struct Causes {
    latest: Repeated,
    entries: Vec<Entry>,
}

/// One thing that is counted.
#[derive(Debug)]
struct Entry {
    what: Repeated,
    window_since_at: UnixTime,
    /// What no record tells of yet.
    span: Option<Span>,
    /// Whether any record tells that it happens.
    is_told: bool,
    /// Whether this window has had its summary before its end.
    is_told_early: bool,
}

/// How often, and from when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    count: u64,
    first_at: UnixTime,
    last_at: UnixTime,
}

impl Tally {
    /// Notes a refusal.
    pub fn note(&mut self, device: DeviceId, what: Repeated, now: UnixTime) -> TallyNote {
        let ended = self.end_latest(device, &what, now);
        let is_first = match self.entry(device, &what) {
            Place::Found(entry) => {
                entry.add(Span::once(now));
                false
            }
            Place::New => {
                let is_first = self.budget.take(now);
                let span = (!is_first).then(|| Span::once(now));
                self.open(device, Entry::new(what, span, is_first, now));
                is_first
            }
            Place::Full => {
                self.add_various(Span::once(now));
                false
            }
        };
        TallyNote { is_first, ended }
    }

    /// Counts what happened again and has a record already from when it began.
    pub fn count(&mut self, device: DeviceId, what: Repeated, now: UnixTime) {
        let once = Repeats { subject: Some(device), what, count: 1, first_at: now, last_at: now };
        self.add(once, true, now);
    }

    /// Takes back what could not be recorded.
    pub fn put_back(&mut self, repeats: Repeats, now: UnixTime) {
        self.add(repeats, false, now);
    }

    /// Takes out what is to be recorded now: windows that ended and what waits for the budget, the oldest first.
    #[must_use]
    pub fn due(&mut self, now: UnixTime) -> Vec<Repeats> {
        let mut due: Vec<(UnixTime, DeviceId, usize)> = Vec::new();
        for (device, causes) in &mut self.devices {
            // A clock that was set back must not keep a window open until the old time comes again.
            causes
                .entries
                .iter_mut()
                .for_each(|entry| entry.window_since_at = entry.window_since_at.min(now));
            causes.entries.retain(|entry| entry.span.is_some() || !entry.has_ended(now));
            let is_due = |entry: &Entry| entry.span.is_some() && (entry.has_ended(now) || !entry.is_told);
            let found = causes.entries.iter().enumerate().filter(|(_, entry)| is_due(entry));
            due.extend(found.map(|(at, entry)| (entry.window_since_at, *device, at)));
        }
        self.devices.retain(|_, causes| !causes.entries.is_empty());
        self.causes = self.devices.values().map(|causes| causes.entries.len()).sum();
        due.sort_unstable();
        let mut told = Vec::new();
        if self.various.is_some() && self.budget.take(now) {
            told.extend(self.various.take().map(|span| span.of(None, Repeated::Various)));
        }
        for (_, device, at) in due {
            if !self.budget.take(now) {
                break;
            }
            let entry = self.devices.get_mut(&device).and_then(|causes| causes.entries.get_mut(at));
            told.extend(entry.and_then(|entry| entry.begin_window(device, now)));
        }
        told
    }

    /// Takes out all that no record tells of yet; for the end of the server.
    #[must_use]
    pub fn drain(&mut self) -> Vec<Repeats> {
        let mut left = Vec::new();
        for (device, causes) in std::mem::take(&mut self.devices) {
            let spans = causes.entries.into_iter().filter_map(|entry| Some((entry.span?, entry.what)));
            left.extend(spans.map(|(span, what)| span.of(Some(device), what)));
        }
        left.extend(self.various.take().map(|span| span.of(None, Repeated::Various)));
        self.causes = 0;
        left
    }

    /// Tells of what the device did until now when it does something else, once in a window.
    fn end_latest(&mut self, device: DeviceId, what: &Repeated, now: UnixTime) -> Option<Repeats> {
        let causes = self.devices.get_mut(&device)?;
        let latest = std::mem::replace(&mut causes.latest, what.clone());
        let entry = causes.entries.iter_mut().find(|entry| entry.what == latest)?;
        let is_owed = latest != *what && entry.span.is_some() && !entry.is_told_early;
        if !is_owed || !self.budget.take(now) {
            return None;
        }
        entry.is_told_early = true;
        entry.is_told = true;
        entry.span.take().map(|span| span.of(Some(device), latest))
    }

    fn add(&mut self, repeats: Repeats, is_told: bool, now: UnixTime) {
        let Repeats { subject, what, count, first_at, last_at } = repeats;
        let span = Span { count, first_at, last_at };
        let Some(device) = subject else { return self.add_various(span) };
        match self.entry(device, &what) {
            Place::Found(entry) => {
                entry.add(span);
                entry.is_told &= is_told;
            }
            Place::New => self.open(device, Entry::new(what, Some(span), is_told, now)),
            Place::Full => self.add_various(span),
        }
    }

    fn entry(&mut self, device: DeviceId, what: &Repeated) -> Place<'_> {
        let is_full = self.causes >= CAUSES_MAX;
        let Some(causes) = self.devices.get_mut(&device) else {
            return if is_full { Place::Full } else { Place::New };
        };
        let is_full = is_full || causes.entries.len() >= CAUSES_PER_DEVICE_MAX;
        match causes.entries.iter_mut().find(|entry| entry.what == *what) {
            Some(entry) => Place::Found(entry),
            None if is_full => Place::Full,
            None => Place::New,
        }
    }

    fn open(&mut self, device: DeviceId, entry: Entry) {
        self.causes += 1;
        let latest = entry.what.clone();
        let causes = self.devices.entry(device).or_insert_with(|| Causes { latest, entries: Vec::new() });
        causes.entries.push(entry);
    }

    fn add_various(&mut self, span: Span) {
        self.various = Some(self.various.map_or(span, |before| before.and(span)));
    }
}

/// Where something is counted.
enum Place<'a> {
    Found(&'a mut Entry),
    New,
    Full,
}

impl Entry {
    const fn new(what: Repeated, span: Option<Span>, is_told: bool, now: UnixTime) -> Self {
        Self { what, window_since_at: now, span, is_told, is_told_early: false }
    }

    fn add(&mut self, span: Span) {
        self.span = Some(self.span.map_or(span, |before| before.and(span)));
    }

    fn has_ended(&self, now: UnixTime) -> bool {
        now.since(self.window_since_at) >= Duration::from_secs(WINDOW_SECONDS)
    }

    fn begin_window(&mut self, device: DeviceId, now: UnixTime) -> Option<Repeats> {
        self.window_since_at = now;
        self.is_told = true;
        self.is_told_early = false;
        self.span.take().map(|span| span.of(Some(device), self.what.clone()))
    }
}

impl Span {
    const fn once(now: UnixTime) -> Self {
        Self { count: 1, first_at: now, last_at: now }
    }

    fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            first_at: self.first_at.min(other.first_at),
            last_at: self.last_at.max(other.last_at),
        }
    }

    const fn of(self, subject: Option<DeviceId>, what: Repeated) -> Repeats {
        Repeats { subject, what, count: self.count, first_at: self.first_at, last_at: self.last_at }
    }
}

/// Leave to make records: so many at once, and as many again each minute.
#[derive(Debug)]
struct Budget {
    records: u32,
    since_at: UnixTime,
}

impl Default for Budget {
    fn default() -> Self {
        Self { records: RECORDS_PER_MINUTE_MAX, since_at: UnixTime::default() }
    }
}

impl Budget {
    fn take(&mut self, now: UnixTime) -> bool {
        let is_over =
            now < self.since_at || now.since(self.since_at).as_millis() >= u128::from(MINUTE_MILLIS);
        if is_over {
            *self = Self { records: RECORDS_PER_MINUTE_MAX, since_at: now };
        }
        let is_left = self.records > 0;
        self.records = self.records.saturating_sub(1);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use proto::ReasonCode;

    use super::*;
    use crate::repeat::Verb;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(1_800_000_000 + seconds)
    }

    fn device(n: u64) -> DeviceId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        DeviceId::from_array(id)
    }

    fn refused(code: &'static str) -> Repeated {
        Repeated::Refused { verb: Verb::RequestVoucher, code: ReasonCode::new(code) }
    }

    fn repeats(n: u64, code: &'static str, (count, first, last): (u64, u64, u64)) -> Repeats {
        Repeats {
            subject: Some(device(n)),
            what: refused(code),
            count,
            first_at: at(first),
            last_at: at(last),
        }
    }

    #[test]
    fn the_first_is_recorded_at_once_and_the_rest_in_one_summary_when_the_window_ends() {
        let mut tally = Tally::default();
        assert!(tally.note(device(1), refused("a-a"), at(0)).is_first);
        for second in 1..=9 {
            let noted = tally.note(device(1), refused("a-a"), at(second));
            assert_eq!(noted, TallyNote { is_first: false, ended: None });
        }
        assert_eq!(tally.due(at(WINDOW_SECONDS - 1)), []);
        assert_eq!(tally.due(at(WINDOW_SECONDS)), [repeats(1, "a-a", (9, 1, 9))]);
        assert_eq!(tally.due(at(WINDOW_SECONDS)), []);
    }

    #[test]
    fn what_goes_on_is_told_once_a_window_and_what_stopped_begins_anew() {
        let mut tally = Tally::default();
        assert!(tally.note(device(1), refused("a-a"), at(0)).is_first);
        assert!(!tally.note(device(1), refused("a-a"), at(1)).is_first);
        assert_eq!(tally.due(at(WINDOW_SECONDS)).len(), 1);
        assert!(!tally.note(device(1), refused("a-a"), at(WINDOW_SECONDS + 1)).is_first);
        assert_eq!(tally.due(at(2 * WINDOW_SECONDS)).len(), 1);
        assert_eq!(tally.due(at(3 * WINDOW_SECONDS)), []);
        assert!(tally.note(device(1), refused("a-a"), at(3 * WINDOW_SECONDS)).is_first);
    }

    #[test]
    fn another_reason_ends_the_one_before_but_once_a_window() {
        let mut tally = Tally::default();
        let mut records = 0;
        for second in 0..3_000 {
            let code = if second / 2 % 2 == 0 { "a-a" } else { "b-b" };
            let noted = tally.note(device(1), refused(code), at(second));
            if second == 2 {
                assert_eq!(noted, TallyNote { is_first: true, ended: Some(repeats(1, "a-a", (1, 1, 1))) });
            }
            records += usize::from(noted.is_first) + usize::from(noted.ended.is_some());
        }
        assert_eq!(records, 4);
        let left: u64 = tally.drain().iter().map(|repeats| repeats.count).sum();
        assert_eq!(left, 3_000 - 4, "two firsts, and two summaries of one");
    }

    #[test]
    fn a_device_with_ever_new_reasons_and_ever_new_devices_stay_within_memory_and_budget() {
        let mut tally = Tally::default();
        let mut first = 0;
        for n in 0..100 {
            let code = ReasonCode::new(Box::leak(format!("code-{n}").into_boxed_str()));
            let what = Repeated::Refused { verb: Verb::Enroll, code };
            first += u64::from(tally.note(device(0), what, at(0)).is_first);
        }
        assert_eq!(first, 16);
        for n in 1..=40_000 {
            first += u64::from(tally.note(device(n), refused("a-a"), at(0)).is_first);
        }
        assert_eq!((first, tally.causes), (u64::from(RECORDS_PER_MINUTE_MAX), CAUSES_MAX));
        let (told, left) = (tally.due(at(60)), tally.drain());
        assert_eq!(told.len(), 120);
        let counted: u64 = told.iter().chain(&left).map(|repeats| repeats.count).sum();
        assert_eq!(counted, 40_100 - first, "each is recorded at once or counted");
    }

    #[test]
    fn what_could_not_be_recorded_is_told_later() {
        let mut tally = Tally::default();
        assert!(tally.note(device(1), refused("a-a"), at(0)).is_first);
        tally.put_back(repeats(1, "a-a", (1, 0, 0)), at(0));
        assert_eq!(tally.due(at(1)), [repeats(1, "a-a", (1, 0, 0))]);
        assert_eq!(tally.due(at(2)), []);
        tally.put_back(repeats(2, "b-b", (7, 1, 2)), at(3));
        assert_eq!(tally.due(at(3)), [repeats(2, "b-b", (7, 1, 2))]);
    }

    #[test]
    fn a_clock_that_was_set_back_delays_a_summary_by_a_window_at_most() {
        let mut tally = Tally::default();
        assert!(tally.note(device(1), refused("a-a"), at(90_000)).is_first);
        assert!(!tally.note(device(1), refused("a-a"), at(10)).is_first);
        assert_eq!(tally.due(at(10)), []);
        assert_eq!(tally.due(at(10 + WINDOW_SECONDS)), [repeats(1, "a-a", (1, 10, 10))]);
    }
}
