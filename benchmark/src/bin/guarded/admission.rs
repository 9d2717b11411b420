//! Which connections are accepted: limits of all, and of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use crate::options::Options;

struct Source {
    open: usize,
    /// Connections that it may open now.
    tokens: f64,
    filled: Instant,
}

pub(crate) enum Refusal {
    PerAddress,
    Rate,
}

pub(crate) struct Admission {
    per_address: usize,
    rate: f64,
    /// Addresses with an open connection, or that have used tokens. Those that have neither are removed by `tidy`.
    sources: HashMap<IpAddr, Source>,
}

impl Admission {
    pub(crate) fn new(options: &Options, most: usize) -> Self {
        Self {
            per_address: options
                .max_connections_per_address
                .unwrap_or((most / 2).max(1)),
            rate: f64::from(options.accept_rate_per_address),
            sources: HashMap::new(),
        }
    }

    pub(crate) fn admit(&mut self, address: IpAddr, now: Instant) -> Result<(), Refusal> {
        let rate = self.rate;
        let source = self.sources.entry(address).or_insert(Source {
            open: 0,
            tokens: rate,
            filled: now,
        });
        source.fill(rate, now);
        if source.tokens < 1.0 {
            return Err(Refusal::Rate);
        }
        source.tokens -= 1.0;
        if source.open >= self.per_address {
            return Err(Refusal::PerAddress);
        }
        source.open += 1;
        Ok(())
    }

    pub(crate) fn closed(&mut self, address: IpAddr) {
        if let Some(source) = self.sources.get_mut(&address) {
            source.open -= 1;
        }
    }

    /// Forgets addresses about which there is nothing to remember.
    pub(crate) fn tidy(&mut self, now: Instant) {
        let rate = self.rate;
        self.sources.retain(|_, source| {
            source.fill(rate, now);
            source.open > 0 || source.tokens < rate
        });
    }
}

impl Source {
    fn fill(&mut self, rate: f64, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(rate);
        self.filled = now;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

    #[test]
    fn an_address_has_a_share_and_a_rate() {
        let options = Options::parse_from(["guarded", "--accept-rate-per-address", "3"]);
        let mut admission = Admission::new(&options, 4);
        let now = Instant::now();
        assert!(admission.admit(ONE, now).is_ok());
        assert!(admission.admit(ONE, now).is_ok());
        assert!(matches!(
            admission.admit(ONE, now),
            Err(Refusal::PerAddress)
        ));
        assert!(matches!(admission.admit(ONE, now), Err(Refusal::Rate)));
        assert!(admission.admit(OTHER, now).is_ok());
        admission.closed(ONE);
        let later = now + Duration::from_secs(1);
        assert!(admission.admit(ONE, later).is_ok());
    }

    #[test]
    fn addresses_are_forgotten_when_nothing_is_open() {
        let options = Options::parse_from(["guarded"]);
        let mut admission = Admission::new(&options, 4);
        let now = Instant::now();
        assert!(admission.admit(ONE, now).is_ok());
        admission.tidy(now + Duration::from_secs(9));
        assert_eq!(admission.sources.len(), 1);
        admission.closed(ONE);
        admission.tidy(now + Duration::from_secs(9));
        assert_eq!(admission.sources.len(), 0);
    }
}
