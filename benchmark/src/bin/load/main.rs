//! The load generator: a closed loop on one thread, with its own epoll. Compares every byte of every reply before the timed
//! window. Inside it, echo compares only both ends of a long receive, because comparing all of it takes too long. A wrong
//! byte, a lost connection or a stall ends it with an error, because the numbers of a server that fails mean nothing.

mod churn;
mod content;
mod echo;
mod options;
mod session;
mod websocket;
mod window;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use edgepoll_benchmark::raise_open_file_limit;

use churn::Churn;
use echo::Clients;
use options::{Mode, Options};
use websocket::WebSockets;
use window::Window;

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    raise_open_file_limit()?;
    let mut window = Window::new(options)?;
    match options.mode {
        Mode::Echo => session::serve(options, &mut Clients::open(options)?, &mut window),
        Mode::Websocket => session::serve(options, &mut WebSockets::open(options)?, &mut window),
        Mode::Churn => session::serve(options, &mut Churn::new(options)?, &mut window),
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}
