#![no_main]

use edgepoll_protocol::Role;
use edgepoll_protocol_name::ProtocolName;

edgepoll_protocol::fuzz_target!(|| ProtocolName { max_length: 1000 }, Role::Server);
