//! Cursors (RFC 9865): a place in a list, written so that clients hand it back unread.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Error, ScimType};

/// Writes a place as a cursor. `about` is what the list is of (filter, order): a cursor is good for the same list only.
pub fn seal(place: &str, about: &str) -> String {
    let mut bytes = sum(place, about).to_be_bytes().to_vec();
    bytes.extend_from_slice(place.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place that a cursor is of.
///
/// # Errors
/// `invalidCursor` where it is no cursor of ours, or of another list.
pub fn open(cursor: &str, about: &str) -> Result<String, Error> {
    let wrong = || Error::bad(ScimType::InvalidCursor, "the cursor is none of this list; begin again without one");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    let (given, place) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
    let place = std::str::from_utf8(place).map_err(|_| wrong())?;
    if u64::from_be_bytes(*given) != sum(place, about) {
        return Err(wrong());
    }
    Ok(place.to_owned())
}

/// FNV-1a: it finds mistakes, it keeps no secret; a place holds nothing but what the list shows.
fn sum(place: &str, about: &str) -> u64 {
    let bytes = place.bytes().chain([0xff]).chain(about.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
