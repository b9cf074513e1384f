//! Routes: what each takes is written once, beside its handler, and held before the handler is asked.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use tokio::time::Instant;

use crate::auth::{Least, Refused, let_in};
use crate::state::Faces;

/// How a face tells somebody that they are not let in.
pub(crate) type Tell = fn(&Faces, &Request, Refused) -> Response;

/// What a face does around each of its handlers, once somebody is let in.
pub(crate) type Around = fn(Arc<Faces>, Request, Next) -> Pin<Box<dyn Future<Output = Response> + Send>>;

/// A route, and who may use it.
pub(crate) type Entry = (Method, &'static str, Least);

/// The routes of a face.
pub(crate) struct Routes {
    faces: Arc<Faces>,
    tell: Tell,
    around: Option<Around>,
    router: Router<Arc<Faces>>,
    table: Vec<Entry>,
}

/// What stands before a handler.
#[derive(Clone)]
struct Door {
    faces: Arc<Faces>,
    tell: Tell,
    around: Option<Around>,
    least: Least,
}

impl Routes {
    pub(crate) fn new(faces: &Arc<Faces>, tell: Tell) -> Self {
        Self { faces: Arc::clone(faces), tell, around: None, router: Router::new(), table: Vec::new() }
    }

    /// The routes, with this done around the handlers that come now.
    pub(crate) fn around(self, around: Around) -> Self {
        Self { around: Some(around), ..self }
    }

    /// What is looked at.
    pub(crate) fn get<H, T>(self, path: &'static str, least: Least, handler: H) -> Self
    where
        H: Handler<T, Arc<Faces>>,
        T: 'static,
    {
        self.on(Method::GET, path, least, handler)
    }

    /// What is done.
    pub(crate) fn post<H, T>(self, path: &'static str, least: Least, handler: H) -> Self
    where
        H: Handler<T, Arc<Faces>>,
        T: 'static,
    {
        self.on(Method::POST, path, least, handler)
    }

    /// What is ended.
    pub(crate) fn delete<H, T>(self, path: &'static str, least: Least, handler: H) -> Self
    where
        H: Handler<T, Arc<Faces>>,
        T: 'static,
    {
        self.on(Method::DELETE, path, least, handler)
    }

    fn on<H, T>(mut self, method: Method, path: &'static str, least: Least, handler: H) -> Self
    where
        H: Handler<T, Arc<Faces>>,
        T: 'static,
    {
        let door = Door { faces: Arc::clone(&self.faces), tell: self.tell, around: self.around, least };
        let filter = MethodFilter::try_from(method.clone()).expect("a method of HTTP");
        self.router = self.router.route(path, on(filter, handler).layer(from_fn_with_state(door, at_the_door)));
        self.table.push((method, path, least));
        self
    }

    /// The router, and who may use which of its routes.
    pub(crate) fn into_parts(self) -> (Router<Arc<Faces>>, Vec<Entry>) {
        (self.router, self.table)
    }
}

/// Lets a request through to its handler, which finds the [`engine::Caller`] among its extensions, as an `Option` where everybody may come.
async fn at_the_door(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let Door { faces, tell, around, least } = door;
    let let_in = let_in(&faces.engine, faces.cookies, request.method(), request.headers(), least).await;
    let caller = match let_in.and_then(|caller| faces.limits.take(caller, Instant::now())) {
        Ok(caller) => caller,
        Err(refused) => {
            let refused = faces.limits.take_refused(refused, Instant::now());
            return tell(&faces, &request, refused);
        }
    };
    if let Some(caller) = &caller {
        request.extensions_mut().insert(caller.clone());
    }
    request.extensions_mut().insert(caller);
    match around {
        Some(around) => around(faces, request, next).await,
        None => next.run(request).await,
    }
}
