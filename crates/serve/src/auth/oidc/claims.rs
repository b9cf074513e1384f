//! The library's types with all claims that a provider gives, and what is held of them.

use std::collections::BTreeMap;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenClaims, IdTokenFields,
    StandardErrorResponse, StandardTokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Claims that the standard does not name.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct More {
    #[serde(flatten)]
    pub(super) all: BTreeMap<String, Value>,
}

impl AdditionalClaims for More {}

/// What an ID token says.
pub(super) type Said = IdTokenClaims<More, CoreGenderClaim>;

/// What a provider says of somebody when it is asked with an access token.
pub(super) type Told = UserInfoClaims<More, CoreGenderClaim>;

/// What comes for a code.
type Tokens = StandardTokenResponse<
    IdTokenFields<More, EmptyExtraTokenFields, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>,
    CoreTokenType,
>;

/// This application, at the provider.
pub(super) type Client = openidconnect::Client<
    More,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An e-mail address that can be shown, and whether it is verified.
pub(super) fn email(address: Option<&openidconnect::EndUserEmail>, verified: Option<bool>) -> Option<(String, bool)> {
    let address = address?.as_str();
    let fits =
        (3..=254).contains(&address.len()) && address.contains('@') && !address.chars().any(|c| c.is_control() || c.is_whitespace());
    fits.then(|| (address.to_owned(), verified == Some(true)))
}
