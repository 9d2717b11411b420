//! Readiness of descriptors that belong to somebody else.
