//! Reports to the owner what turns and commands brought about: closes, failures, and the lengths of send queues.

use super::alarm::State;
use super::inbox::{Event, Inbox};
use super::state::Reactor;
use crate::kernel::Kernel;
use crate::Token;

impl<K: Kernel> Reactor<K> {
    /// Hands over what commands brought about since the last turn: closes and the lengths of send queues.
    pub fn report<I: Inbox>(&mut self, inbox: &mut I) {
        if let (State::Refused(errno), true) = (self.alarm.state, inbox.room() > 0) {
            self.alarm.state = State::Reported;
            inbox.event(Event::AlarmRefused { errno });
        }
        while inbox.room() > 0 {
            let Some(token) = self.reports.pop_front() else {
                break;
            };
            let Some(entry) = self.entry_mut(token) else {
                continue;
            };
            entry.has_report = false;
            let Some(closed) = entry.closed.as_deref() else {
                let layers = entry.connection.layers.as_mut();
                if let Some(question) = layers.and_then(|layers| layers.take_question()) {
                    let has_more = entry.has_more_to_report();
                    inbox.event(Event::Asked { token, question });
                    if has_more {
                        self.add_report(token);
                    }
                    continue;
                }
                if std::mem::take(&mut entry.connection.ended_by_protocol) {
                    let error = entry.connection.protocol_error();
                    let has_more = entry.has_more_to_report();
                    inbox.event(Event::WritingEnded { token, error });
                    if has_more {
                        self.add_report(token);
                    }
                    continue;
                }
                let queued = std::mem::take(&mut entry.report_queued);
                let failed = std::mem::take(&mut entry.report_failed);
                if let (true, Some(failure)) = (failed, entry.connection.failure) {
                    inbox.event(Event::WriteFailed { token, failure });
                } else if queued {
                    let bytes = entry.connection.queue.len();
                    entry.connection.queue_reported = u32::try_from(bytes).unwrap_or(u32::MAX);
                    inbox.event(Event::Queued { token, bytes });
                }
                continue;
            };
            inbox.event(Event::Closed {
                token,
                reason: closed.reason.clone(),
                unsent: entry.unsent,
                bytes_read: entry.connection.bytes_read,
                bytes_written: entry.connection.bytes_written,
                peer: entry.connection.peer.clone(),
                local: closed.local.clone(),
            });
            self.release(token);
            self.slots.remove(token);
        }
    }

    /// Reports the queue's length if it has grown since the last report, has fallen to the low watermark, or is empty. It may have
    /// fallen and grown again in between, so each is compared with the last report.
    pub(super) fn report_queued(&mut self, token: Token) {
        let Some(entry) = self.entry_mut(token) else {
            return;
        };
        let connection = &entry.connection;
        let (now, reported) = (connection.queue.len(), connection.queue_reported as usize);
        let low = connection.limits.low_water as usize;
        let grew = now > reported;
        let fell = now <= low && reported > low;
        let emptied = now == 0 && reported > 0;
        if grew || fell || emptied {
            entry.report_queued = true;
            self.add_report(token);
        }
    }

    /// Reports that the protocol has ended the writing side, if it has, so that the owner neither writes nor waits for input.
    pub(super) fn report_ended_by_protocol(&mut self, token: Token) {
        if let Some((_, entry)) = self.live(token) {
            if entry.connection.ended_by_protocol {
                self.add_report(token);
            }
        }
    }

    /// Reports that a send failed and what was queued is lost, so that a writer does not wait for room until the last byte is
    /// received.
    pub(super) fn report_failed(&mut self, token: Token) {
        if let Some((_, entry)) = self.live(token) {
            entry.report_failed = true;
        }
        self.add_report(token);
    }
}
