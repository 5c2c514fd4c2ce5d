//! Where a reader stands.

use super::{Reader, Role, State};
use crate::wire::http::sight::Said;

impl Reader {
    /// What kind of message is being read: its head was, its end was not.
    pub(crate) fn reads(&self) -> Option<Role> {
        self.open.as_ref().map(|open| open.role())
    }

    /// Whether a message may begin here, and none has.
    pub(crate) fn is_between_messages(&self) -> bool {
        matches!(self.state, State::Start) && self.group.is_none()
    }

    /// What was read last, if that are answers. `blank`: the last segment ended with an empty line, as each interim
    /// answer does.
    pub(crate) fn said(&self, blank: bool) -> Said {
        match (self.state, &self.open) {
            (State::Body, Some(open)) if !self.uncertain && !open.unsure && !open.body.is_until_close() => Said::Inside,
            (State::Body, Some(_)) => Said::Final,
            (State::Start, _) if self.group.is_some() => Said::Interim,
            (State::Start, _) if self.seen_message => Said::Final,
            (State::Lost, _) if !blank => Said::Final,
            _ => Said::Unclear,
        }
    }
}
