//! Where a part lies in the message that it was cut from, so that a message can be kept once, as received.

use std::ops::Range;

/// Returns the place of `part` in `message`; `None` when it was not cut from there.
pub(crate) fn place(message: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(message.as_ptr().addr())?;
    let range = start..start.checked_add(part.len())?;
    message.get(range.clone()).is_some().then_some(range)
}
