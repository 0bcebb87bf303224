//! Failed logins of each client and to each account, and which of them are blocked.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};

use proto::Time;

use super::hosts::HOSTS_MAX;
use super::thresholds::LoginLimit;

/// What is known of logins in a domain. Of the name of an account a keyed hash is kept: the memory of the daemon does not
/// tell who tried to log in.
#[derive(Debug, Default)]
pub(super) struct Logins {
    clients: Recent<IpAddr>,
    accounts: Recent<u64>,
    hasher: RandomState,
}

/// Who is blocked by a login that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Blocked {
    pub(super) client: bool,
    pub(super) account: bool,
}

impl Logins {
    /// A login has failed, to an account whose name is known or not.
    pub(super) fn failed(
        &mut self,
        now: Time,
        client: IpAddr,
        account: Option<&[u8]>,
        limit: LoginLimit,
    ) -> Blocked {
        let account = account.map(|account| self.hasher.hash_one(account));
        Blocked {
            client: self.clients.failed(now, network(client), limit),
            account: account.is_some_and(|account| self.accounts.failed(now, account, limit)),
        }
    }

    /// A login has succeeded: the client knows a password. To the account others may go on to guess.
    pub(super) fn succeeded(&mut self, client: IpAddr) {
        self.clients.forgive(network(client));
    }

    pub(super) fn is_client_blocked(&self, now: Time, client: IpAddr) -> bool {
        self.clients.is_blocked(now, &network(client))
    }

    pub(super) fn is_account_blocked(&self, now: Time, account: &[u8]) -> bool {
        self.accounts.is_blocked(now, &self.hasher.hash_one(account))
    }
}

/// Who is taken for one client: whoever has an address of IPv6 has 2^64 of them.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Limit: of each kind, those who failed last, in two halves: when one is full, the older is forgotten. So nobody who
/// makes up names or addresses gets at more memory, or costs more time, than others.
#[derive(Debug)]
struct Recent<K> {
    young: HashMap<K, Record>,
    old: HashMap<K, Record>,
}

const HALF_MAX: usize = HOSTS_MAX / 2;

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    failures: u32,
    /// The last of them.
    last: Time,
    blocked: Option<Time>,
}

impl<K> Default for Recent<K> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Eq + Hash> Recent<K> {
    /// One more failure; whether it is the one that blocks. Those that are as old as a block lasts do not count, and a
    /// block is not made longer.
    fn failed(&mut self, now: Time, key: K, LoginLimit { failures, block_minutes }: LoginLimit) -> bool {
        let until = |from: Time| from.plus_seconds(60 * u64::from(block_minutes));
        let mut record = self.young.remove(&key).or_else(|| self.old.remove(&key)).unwrap_or_default();
        if record.failures > 0 && until(record.last) <= now {
            record.failures = 0;
        }
        let is_blocked = record.blocked.is_some_and(|blocked| now < blocked);
        if !is_blocked {
            record.failures += 1;
            record.last = now;
        }
        let blocks = !is_blocked && record.failures >= failures;
        if blocks {
            record = Record { blocked: Some(until(now)), ..Record::default() };
        }
        if self.young.len() >= HALF_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, record);
        blocks
    }

    /// What has failed so far counts no more.
    fn forgive(&mut self, key: K) {
        for half in [&mut self.young, &mut self.old] {
            if let Some(record) = half.get_mut(&key) {
                record.failures = 0;
            }
        }
    }

    fn is_blocked(&self, now: Time, key: &K) -> bool {
        let record = self.young.get(key).or_else(|| self.old.get(key));
        record.and_then(|record| record.blocked).is_some_and(|blocked| now < blocked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: LoginLimit = LoginLimit { failures: 3, block_minutes: 2 };

    fn at(seconds: u64) -> Time {
        Time(0).plus_seconds(seconds)
    }

    #[test]
    fn the_last_failure_that_may_be_blocks_and_time_forgives() {
        let mut clients = Recent::default();
        // When it fails, and whether that blocks; then whether it is blocked.
        for (second, blocks, is_blocked) in [
            (0, false, false),
            (100, false, false),
            // The first two are two minutes old.
            (220, false, false),
            (221, false, false),
            (222, true, true),
            // It is not made longer.
            (300, false, true),
            (342, false, false),
            (343, false, false),
            (344, true, true),
        ] {
            assert_eq!(clients.failed(at(second), 1, LIMIT), blocks, "{second}");
            assert_eq!(clients.is_blocked(at(second), &1), is_blocked, "{second}");
        }
        assert!(!clients.is_blocked(at(300), &2));
        let mut clients = Recent::default();
        clients.failed(at(0), 1, LIMIT);
        clients.failed(at(0), 1, LIMIT);
        clients.forgive(1);
        assert!(!clients.failed(at(0), 1, LIMIT));
    }

    #[test]
    fn of_more_than_the_bound_those_are_forgotten_that_failed_longest_ago() {
        let mut accounts = Recent::default();
        let once = LoginLimit { failures: 1, ..LIMIT };
        (0..3 * HALF_MAX).for_each(|account| assert!(accounts.failed(at(0), account, once)));
        assert_eq!(accounts.young.len() + accounts.old.len(), HOSTS_MAX);
        assert!(accounts.is_blocked(at(0), &HALF_MAX) && !accounts.is_blocked(at(0), &(HALF_MAX - 1)));
    }

    #[test]
    fn a_client_of_ipv6_is_its_network() {
        let mut logins = Logins::default();
        let [one, other, third] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|address| address.parse().unwrap());
        (0..2).for_each(|_| assert_eq!(logins.failed(at(0), one, None, LIMIT), Blocked::default()));
        assert!(logins.failed(at(0), other, None, LIMIT).client);
        assert!(logins.is_client_blocked(at(0), one) && !logins.is_client_blocked(at(0), third));
    }
}
