//! Replies of RESP, as a client reads them.

#![no_main]

use edgepoll_protocol::Role;
use edgepoll_resp::RespClient;

edgepoll_protocol::fuzz_target!(RespClient::default, Role::Client);
