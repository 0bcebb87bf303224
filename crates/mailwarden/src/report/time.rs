//! Wall time, and how reports write it.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proto::Time;

/// Wall time in microseconds of Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WallTime(u64);

impl WallTime {
    /// 1970-01-01T00:00:00Z.
    pub(super) const EPOCH: Self = Self(0);

    /// Reads the clock. Before 1970 there is nothing to report.
    pub(super) fn now() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(unix.as_micros()).unwrap_or(u64::MAX))
    }

    /// The time at which a worker's clock says `time`, if this is its start.
    pub(super) const fn after(self, time: Time) -> Self {
        Self(self.0.saturating_add(time.0 / 1000))
    }

    /// When a worker started whose clock says `time` now.
    pub(super) const fn before(self, time: Time) -> Self {
        Self(self.0.saturating_sub(time.0 / 1000))
    }

    pub(super) const fn from_unix_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub(super) const fn unix_micros(self) -> u64 {
        self.0
    }

    /// Seconds since reports began, which is when the program did.
    pub(super) fn since_start(self) -> u64 {
        let Self(start) = start();
        self.0.saturating_sub(start) / 1_000_000
    }

    const fn second(self) -> u64 {
        self.0 / 1_000_000
    }

    pub(super) const fn microsecond(self) -> u64 {
        self.0 % 1_000_000
    }

    fn timestamp(self) -> Timestamp {
        i64::try_from(self.second())
            .ok()
            .and_then(|at| Timestamp::from_second(at).ok())
            .unwrap_or(Timestamp::MAX)
    }
}

/// When reports began: the first time that this is asked.
pub(super) fn start() -> WallTime {
    static START: OnceLock<WallTime> = OnceLock::new();
    *START.get_or_init(WallTime::now)
}

/// Writes the time stamps of events. What changes once a second is kept from one stamp to the next.
#[derive(Debug, Default)]
pub(super) struct Stamps(Kept);

/// Writes time down to the second, by a pattern of strftime(3).
#[derive(Debug)]
pub(super) struct TimeFormat {
    pattern: &'static str,
    /// None for the zone of the system, which may change.
    zone: Option<TimeZone>,
    kept: Kept,
}

/// A stamp down to its second, and what followed it last.
#[derive(Debug, Default)]
struct Kept {
    second: Option<u64>,
    text: String,
    /// How much of the text is the second's.
    whole: usize,
}

impl Stamps {
    /// RFC 3339, in UTC with microseconds: `2026-11-22T09:15:00.123456Z`.
    pub(super) fn rfc3339(&mut self, time: WallTime) -> &str {
        let text = self.0.second(time, |at| at.strftime("%Y-%m-%dT%H:%M:%S.").to_string());
        push_digits(text, time.microsecond(), 100_000);
        text.push('Z');
        text
    }
}

impl TimeFormat {
    pub(super) fn new(pattern: &'static str, zone: Option<TimeZone>) -> Self {
        Self { pattern, zone, kept: Kept::default() }
    }

    pub(super) fn second(&mut self, time: WallTime) -> &str {
        let Self { pattern, zone, kept } = self;
        kept.second(time, |at| {
            let zone = zone.clone().unwrap_or_else(TimeZone::system);
            at.to_zoned(zone).strftime(pattern).to_string()
        })
    }
}

/// As IOS writes it, in the zone of the system with milliseconds: `Nov 22 10:15:00.123`.
pub(super) fn ios(time: WallTime) -> String {
    let mut format = TimeFormat::new("%b %e %H:%M:%S", None);
    format!("{}.{:03}", format.second(time), time.microsecond() / 1000)
}

impl Kept {
    /// The text down to the second.
    fn second(&mut self, time: WallTime, write: impl FnOnce(Timestamp) -> String) -> &mut String {
        if self.second != Some(time.second()) {
            self.second = Some(time.second());
            self.text = write(time.timestamp());
            self.whole = self.text.len();
        }
        self.text.truncate(self.whole);
        &mut self.text
    }
}

/// Digits of a number from that of `unit` downwards, leading zeros included.
fn push_digits(text: &mut String, number: u64, mut unit: u64) {
    while unit > 0 {
        text.push(char::from(b'0' + (number / unit % 10) as u8));
        unit /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_follow_the_time_within_a_second_and_beyond() {
        let (mut stamps, mut format) =
            (Stamps::default(), TimeFormat::new("%b %e %H:%M:%S", Some(TimeZone::UTC)));
        let first = WallTime::from_unix_micros(1_795_342_500_000_007);
        assert_eq!(stamps.rfc3339(first), "2026-11-22T10:15:00.000007Z");
        assert_eq!(format.second(first), "Nov 22 10:15:00");
        let later = first.after(Time(999_992_000));
        assert_eq!(stamps.rfc3339(later), "2026-11-22T10:15:00.999999Z");
        assert_eq!(format.second(later), "Nov 22 10:15:00");
        let next = later.after(Time(1_000));
        assert_eq!(stamps.rfc3339(next), "2026-11-22T10:15:01.000000Z");
        assert_eq!(format.second(next), "Nov 22 10:15:01");
        // Not in order: two workers, or a clock that was set back.
        assert_eq!(stamps.rfc3339(first), "2026-11-22T10:15:00.000007Z");
        assert_eq!(format.second(first), "Nov 22 10:15:00");
    }

    #[test]
    fn a_stamp_is_read_back_as_the_same_time() {
        let now = WallTime::now();
        let stamp: Timestamp = Stamps::default().rfc3339(now).parse().unwrap();
        assert_eq!(u64::try_from(stamp.as_microsecond()), Ok(now.0));
    }

    #[test]
    fn how_long_the_program_runs_is_counted_from_the_start_of_reports() {
        let _reports = crate::report::start(crate::report::Sinks::nowhere());
        let after = WallTime::now();
        while WallTime::now().0 == after.0 {
            std::thread::yield_now();
        }
        assert!(start().0 <= after.0);
        assert_eq!(WallTime(start().0 + 62_000_000).since_start(), 62);
    }

    #[test]
    fn no_time_is_too_late_to_be_written() {
        assert!(Stamps::default().rfc3339(WallTime(u64::MAX)).ends_with('Z'));
    }
}
