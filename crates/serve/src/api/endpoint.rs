//! Endpoints: a route with what it takes, what it answers and who may, written once; the document is made from it.

use std::sync::Arc;

use axum::extract::State;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use model::Role;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{document, viewer};
use crate::auth::Least;
use crate::route::Routes;
use crate::state::Faces;

/// Makes the schema of a type, with those of what is in it beside it.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What an endpoint answers when all is well.
#[derive(Clone)]
pub(super) struct Good {
    pub(super) status: StatusCode,
    pub(super) what: &'static str,
    /// The type of its body, where it has one.
    pub(super) kind: &'static str,
    pub(super) shape: Option<Shape>,
    /// Whether it says where what came into being is.
    pub(super) located: bool,
}

/// An endpoint as it is described.
#[derive(Clone)]
pub(super) struct About {
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) more: &'static str,
    pub(super) query: Option<Shape>,
    pub(super) body: Option<Shape>,
    pub(super) good: Good,
    /// What else it may answer: a status, and when.
    pub(super) bad: Vec<(StatusCode, &'static str)>,
    /// Whether it can be held to what its caller saw (`If-Match`).
    pub(super) held: bool,
}

/// One endpoint.
pub(super) struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) role: Role,
    pub(super) about: About,
}

/// The endpoints of the API.
pub(super) struct Api {
    routes: Routes,
    endpoints: Vec<Endpoint>,
}

impl About {
    /// An endpoint of this group, by a word for programs and a line for people; it answers 200 with what [`About::gives`] says.
    pub(super) fn new(tag: &'static str, id: &'static str, summary: &'static str) -> Self {
        let good = Good { status: StatusCode::OK, what: "done", kind: "application/json", shape: None, located: false };
        Self { id, tag, summary, more: "", query: None, body: None, good, bad: Vec::new(), held: false }
    }

    /// What else there is to know.
    pub(super) fn more(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    /// Parameters behind `?`.
    pub(super) fn query<T: JsonSchema>(self) -> Self {
        Self { query: Some(T::json_schema), ..self }
    }

    /// A body.
    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        Self { body: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    /// What comes back.
    pub(super) fn gives<T: JsonSchema>(mut self, what: &'static str) -> Self {
        self.good = Good { what, shape: Some(SchemaGenerator::subschema_for::<T>), ..self.good };
        self
    }

    /// What comes back is not 200.
    pub(super) fn with(mut self, status: StatusCode) -> Self {
        self.good.status = status;
        self.good.located = matches!(status, StatusCode::CREATED | StatusCode::ACCEPTED);
        self
    }

    /// What comes back is of another type than JSON.
    pub(super) fn gives_text(mut self, kind: &'static str, what: &'static str) -> Self {
        self.good = Good { what, kind, ..self.good };
        self
    }

    /// What else it may answer.
    pub(super) fn or(mut self, status: StatusCode, when: &'static str) -> Self {
        self.bad.push((status, when));
        self
    }

    /// It can be held to what its caller saw.
    pub(super) fn held(self) -> Self {
        Self { held: true, ..self }.or(StatusCode::PRECONDITION_FAILED, "It is not any more what `If-Match` names.")
    }
}

impl Api {
    pub(super) fn new(routes: Routes) -> Self {
        Self { routes, endpoints: Vec::new() }
    }

    pub(super) fn get<H, T>(self, path: &'static str, role: Role, about: About, handler: H) -> Self
    where
        H: Handler<T, Arc<Faces>>,
        T: 'static,
    {
        let routes = self.routes.get(path, Least::Role(role), handler);
        Self { routes, ..self }.told(Method::GET, path, role, about)
    }

    pub(super) fn post<H, T>(self, path: &'static str, role: Role, about: About, handler: H) -> Self
    where
        H: Handler<T, Arc<Faces>>,
        T: 'static,
    {
        let routes = self.routes.post(path, Least::Role(role), handler);
        Self { routes, ..self }.told(Method::POST, path, role, about)
    }

    pub(super) fn delete<H, T>(self, path: &'static str, role: Role, about: About, handler: H) -> Self
    where
        H: Handler<T, Arc<Faces>>,
        T: 'static,
    {
        let routes = self.routes.delete(path, Least::Role(role), handler);
        Self { routes, ..self }.told(Method::DELETE, path, role, about)
    }

    fn told(mut self, method: Method, path: &'static str, role: Role, about: About) -> Self {
        self.endpoints.push(Endpoint { method, path, role, about });
        self
    }

    /// The routes, with the document of all of them, and the page that shows it: for everybody, who learns nothing by it but this program.
    pub(super) fn documented(self, document: &'static str, viewer: &'static str) -> Routes {
        let whole = document::document(&self.endpoints);
        let text: Arc<str> = format!("{whole:#}\n").into();
        let page = Arc::new(viewer::Page::new(&whole, document));
        let show_document = move |State(_): State<Arc<Faces>>| std::future::ready(document::answer(&text));
        let show_page = move |State(_): State<Arc<Faces>>| std::future::ready::<Response>(page.answer());
        self.routes.get(document, Least::Anyone, show_document).get(viewer, Least::Anyone, show_page)
    }
}
