//! How much the sessions of each attachment carry, in the sampling interval of the devices.

use std::collections::HashMap;
use std::time::Duration;

use proto::Time;

use crate::attachments::AttachmentId;

/// How often a sample is taken.
pub(crate) const INTERVAL: Duration = Duration::from_secs(30);

/// The bits per second of the last interval that is over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    /// When the last sample was taken, and what all sessions had carried then, in bytes.
    last: Option<(Time, HashMap<AttachmentId, u64>)>,
    rates: HashMap<AttachmentId, u64>,
}

impl Rates {
    /// Takes a sample: bytes since the start, each way together.
    pub(crate) fn sample(&mut self, now: Time, carried: HashMap<AttachmentId, u64>) {
        if let Some((at, before)) = &self.last {
            let elapsed = now.since(*at).as_millis().max(1);
            let rate = |(number, bytes): (&AttachmentId, &u64)| {
                let more = bytes.saturating_sub(before.get(number).copied().unwrap_or_default());
                let rate = u128::from(more) * 8 * 1000 / elapsed;
                (*number, u64::try_from(rate).unwrap_or(u64::MAX))
            };
            self.rates = carried.iter().map(rate).collect();
        }
        self.last = Some((now, carried));
    }

    /// Bits per second of an attachment's sessions.
    pub(crate) fn of(&self, attachment: AttachmentId) -> u64 {
        self.rates.get(&attachment).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_interval() {
        let mx = AttachmentId::default();
        let second = |seconds: u64| Time(seconds * 1_000_000_000);
        let mut rates = Rates::default();
        let mut rate = |seconds, bytes| {
            rates.sample(second(seconds), HashMap::from([(mx, bytes)]));
            rates.of(mx)
        };
        assert_eq!([rate(30, 1000), rate(60, 1000), rate(90, 31_000), rate(120, 31_015)], [0, 0, 8000, 4]);
        // Sessions that began after the last sample.
        rates.sample(second(150), HashMap::new());
        assert_eq!(rates.of(mx), 0);
    }
}
