//! Requests of RESP, as a server reads them.

#![no_main]

use edgepoll_protocol::Role;
use edgepoll_resp::Resp;

edgepoll_protocol::fuzz_target!(Resp::default, Role::Server);
