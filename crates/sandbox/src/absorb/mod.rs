//! Absorb LMS: its Integration API as the guide and the vendor describe it.
