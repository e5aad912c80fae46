//! Counts the connections of one listener, overall and by address.
//!
//! Does not: queue; who comes when all places are taken is turned away at once.
//! Invariants: a place is given back when its [`Place`] is dropped, however its connection ended.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Bits of an IPv6 address that count as one peer: a /64 is what one subscriber gets.
const IPV6_PREFIX_BITS: u32 = 64;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Admission {
    total_max: usize,
    per_address_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place that is taken.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    address: IpAddr,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The listener has all the connections that it may have.
    Listener,
    /// This address has all the connections that one address may have.
    Address,
}

impl Full {
    /// Names the reason as metrics and logs print it.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Listener => "listener-full",
            Self::Address => "address-full",
        }
    }
}

impl Admission {
    /// Makes a listener's places, all of them free.
    pub(super) fn new(total_max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { total_max, per_address_max, taken: Mutex::default() })
    }

    /// Takes a place for a connection from `address`.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Place, Full> {
        let address = counted_as(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= self.total_max {
            return Err(Full::Listener);
        }
        let of_address = taken.by_address.entry(address).or_insert(0);
        if *of_address >= self.per_address_max {
            return Err(Full::Address);
        }
        *of_address += 1;
        taken.total += 1;
        Ok(Place { admission: Arc::clone(self), address })
    }

    fn give_back(&self, address: IpAddr) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        let left = taken.by_address.get_mut(&address).map(|count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == Some(0) {
            taken.by_address.remove(&address);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.give_back(self.address);
    }
}

fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let prefix = u128::MAX << (128 - IPV6_PREFIX_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & prefix))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_full_address_does_not_shut_out_others() {
        let admission = Admission::new(3, 1);
        let _place = admission.admit(address("192.0.2.1")).unwrap();
        assert_eq!(admission.admit(address("192.0.2.1")).unwrap_err(), Full::Address);
        assert_eq!(admission.admit(address("::ffff:192.0.2.1")).unwrap_err(), Full::Address);
        assert!(admission.admit(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn one_ipv6_subscriber_counts_as_one_address() {
        let admission = Admission::new(9, 1);
        let _place = admission.admit(address("2001:db8::1")).unwrap();
        assert_eq!(admission.admit(address("2001:db8::ffff:1")).unwrap_err(), Full::Address);
        assert!(admission.admit(address("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn a_place_is_given_back_and_nothing_is_remembered() {
        let admission = Admission::new(1, 1);
        for _ in 0..3 {
            let place = admission.admit(address("192.0.2.1")).unwrap();
            assert_eq!(admission.admit(address("192.0.2.2")).unwrap_err(), Full::Listener);
            drop(place);
        }
        assert!(admission.taken.lock().unwrap().by_address.is_empty());
    }
}
