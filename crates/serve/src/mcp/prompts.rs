//! Prompts for the four stories: somebody joins, moves, leaves, comes back.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{PromptMessage, Role};
use rmcp::schemars::{self, JsonSchema};
use rmcp::{prompt, prompt_router};
use serde::Deserialize;

use super::Assistant;

/// Whom a story is about.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct About {
    /// The person's key in the roster, an e-mail address, or the whole name.
    who: String,
}

fn story(words: String) -> Vec<PromptMessage> {
    vec![PromptMessage::new_text(Role::User, words)]
}

#[allow(missing_docs, reason = "the macro makes functions beside these, which nobody outside sees")]
#[prompt_router(router = "prompts", vis = "pub(super)")]
impl Assistant {
    /// Somebody joins: is everything ready for their first day?
    #[prompt(name = "joiner")]
    async fn joiner(&self, Parameters(About { who }): Parameters<About>) -> Vec<PromptMessage> {
        story(format!(
            "{who} joins the company. Use `explain` for {who}: say from when on they are to have an account in each app, with which groups, role \
             and courses, and what is missing today. If something is missing, use `plan` for this one person, show the steps with their \
             reasons, and say who has to approve what. If they are not in the roster, say so and stop."
        ))
    }

    /// Somebody moves: do their accounts follow?
    #[prompt(name = "mover")]
    async fn mover(&self, Parameters(About { who }): Parameters<About>) -> Vec<PromptMessage> {
        story(format!(
            "{who} moves to another department or job. Use `explain` for {who}: compare what the roster says now with what each app holds, and \
             list what is gained and what is lost, groups and roles above all. Then use `plan` for this one person and show before and after of \
             every step; point out what a guard holds, and why."
        ))
    }

    /// Somebody leaves: is every door closed, in the right order?
    #[prompt(name = "leaver")]
    async fn leaver(&self, Parameters(About { who }): Parameters<About>) -> Vec<PromptMessage> {
        story(format!(
            "{who} leaves the company. Use `explain` for {who}: say when their last day ends where they are, which accounts are still active, and \
             whether the identity provider has to go first. Then use `plan` for this one person and show what happens to each account. Look at \
             `findings` for accounts of theirs that no rule reaches. Nothing is deleted: say what stays."
        ))
    }

    /// Somebody comes back: their old accounts, not new ones.
    #[prompt(name = "rehire")]
    async fn rehire(&self, Parameters(About { who }): Parameters<About>) -> Vec<PromptMessage> {
        story(format!(
            "{who} comes back to the company. Use `people` to find every entry that could be {who}, and `explain` for each: which accounts are \
             linked, archived or inactive, and on what evidence. Then use `plan` for this one person and check that it revives the old accounts \
             and creates none beside them; if two entries could be the same human, say which and stop."
        ))
    }
}
