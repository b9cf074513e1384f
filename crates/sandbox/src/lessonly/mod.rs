//! Lessonly.
