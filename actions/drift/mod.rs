//! What differs between an environment and its record.
