//! Which events there are, and which a change is.

use serde_json::Value;
use uuid::Uuid;

use crate::absorb::enrollments::COMPLETE;
use crate::ledger::Change;

/// Something that a portal tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A learner's account was made.
    UserCreated {
        /// Whose.
        user: Uuid,
    },
    /// A learner completed a course.
    CourseCompleted {
        /// Who.
        user: Uuid,
        /// What.
        course: Uuid,
    },
    /// Somebody was enrolled in a course.
    CourseEnrollmentCreated {
        /// Who.
        user: Uuid,
        /// In what.
        course: Uuid,
    },
    /// An admin made a course.
    CourseCreated {
        /// Which.
        course: Uuid,
    },
    /// A learner gained a competency.
    CompetencyGained {
        /// Who.
        user: Uuid,
        /// Which.
        competency: Uuid,
    },
    /// A session of a course began for somebody.
    SessionStarted {
        /// Who.
        user: Uuid,
        /// Of which course.
        course: Uuid,
    },
}

impl Event {
    /// Its name, as a body carries it (CHOSEN: the vendor's words without spaces).
    pub fn name(&self) -> &'static str {
        match self {
            Self::UserCreated { .. } => "UserCreated",
            Self::CourseCompleted { .. } => "CourseCompleted",
            Self::CourseEnrollmentCreated { .. } => "CourseEnrollmentCreated",
            Self::CourseCreated { .. } => "CourseCreated",
            Self::CompetencyGained { .. } => "CompetencyGained",
            Self::SessionStarted { .. } => "SessionStarted",
        }
    }

    /// The members that say what it is about.
    pub(super) fn ids(&self) -> Vec<(&'static str, Uuid)> {
        match *self {
            Self::UserCreated { user } => vec![("userId", user)],
            Self::CourseCreated { course } => vec![("courseId", course)],
            Self::CompetencyGained { user, competency } => vec![("userId", user), ("competencyId", competency)],
            Self::CourseCompleted { user, course }
            | Self::CourseEnrollmentCreated { user, course }
            | Self::SessionStarted { user, course } => vec![("userId", user), ("courseId", course)],
        }
    }
}

/// The events that the changes of a call are.
pub(super) fn of(changes: &[Change]) -> Vec<Event> {
    let id = |value: &Value, name: &str| value[name].as_str().and_then(|id| Uuid::try_parse(id).ok());
    let mut events = Vec::new();
    for Change { object, before, after } in changes {
        match object.split_once('/') {
            Some(("user", user)) if before.is_null() && after["isLearner"] != false => {
                events.extend(Uuid::try_parse(user).ok().map(|user| Event::UserCreated { user }));
            }
            Some(("enrollment", _)) => {
                let Some((user, course)) = id(after, "userId").zip(id(after, "courseId")) else { continue };
                if before.is_null() {
                    events.push(Event::CourseEnrollmentCreated { user, course });
                }
                if after["status"] == COMPLETE && before["status"] != COMPLETE {
                    events.push(Event::CourseCompleted { user, course });
                }
            }
            _ => {}
        }
    }
    events
}
