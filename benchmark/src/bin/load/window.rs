//! The timed window: its latencies, and the report made of them.

use std::error::Error;
use std::time::Instant;

use edgepoll_benchmark::meter::{rss_bytes, Reading, Usage};
use hdrhistogram::Histogram;
use nix::unistd::Pid;
use serde::Serialize;

use crate::options::Options;
use crate::session::tell;

/// Printed as one JSON object.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Messages (echo) or cycles (churn).
    count: u64,
    seconds: f64,
    rate: f64,
    p50_ns: u64,
    p99_ns: u64,
    max_ns: u64,
    server: Option<Usage>,
    /// Resident memory of the server before the first connection was opened.
    server_rss_before: Option<u64>,
    load: Usage,
}

pub(crate) struct Window {
    latencies: Histogram<u64>,
    count: u64,
    server_rss_before: Option<u64>,
    open: Option<OpenWindow>,
}

struct OpenWindow {
    since: Instant,
    server: Option<(Pid, Reading)>,
    load: Reading,
}

impl Window {
    /// To be made before the first connection is opened.
    pub(crate) fn new(options: &Options) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            // Up to a minute, in three digits.
            latencies: Histogram::new_with_bounds(1, 60_000_000_000, 3)?,
            count: 0,
            server_rss_before: options.server().map(rss_bytes).transpose()?,
            open: None,
        })
    }

    pub(crate) fn begin(
        &mut self,
        options: &Options,
        counted: bool,
    ) -> Result<Instant, Box<dyn Error>> {
        if counted {
            tell("begin", true)?;
        }
        self.latencies.reset();
        self.count = 0;
        let server = match options.server() {
            Some(pid) => Some((pid, Reading::of(pid)?)),
            None => None,
        };
        let load = Reading::of(Pid::this())?;
        let since = Instant::now();
        self.open = Some(OpenWindow {
            since,
            server,
            load,
        });
        Ok(since)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Counts one message or cycle when the window is open.
    pub(crate) fn record(&mut self, latency_ns: u64) {
        if self.is_open() {
            self.count += 1;
            self.latencies.saturating_record(latency_ns);
        }
    }

    pub(crate) fn end(&mut self, counted: bool) -> Result<Report, Box<dyn Error>> {
        let open = self.open.take().ok_or("the window was never opened")?;
        let seconds = open.since.elapsed().as_secs_f64();
        let server = match open.server {
            Some((pid, before)) => Some(before.until(&Reading::of(pid)?)),
            None => None,
        };
        let load = open.load.until(&Reading::of(Pid::this())?);
        if counted {
            tell("end", true)?;
        }
        let rate = self.count as f64 / seconds;
        Ok(Report {
            count: self.count,
            seconds,
            rate,
            p50_ns: self.latencies.value_at_quantile(0.5),
            p99_ns: self.latencies.value_at_quantile(0.99),
            max_ns: self.latencies.max(),
            server,
            server_rss_before: self.server_rss_before,
            load,
        })
    }
}
