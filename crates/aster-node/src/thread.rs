//! Work in a thread of its own, for what may wait on JavaScript: Node's own pool has four, which files and names need too.
use crate::outcome::{NativeError, guarded};
use napi::bindgen_prelude::{Object, ToNapiValue, TypeName};
use napi::{Env, JsDeferred};

/// Runs `work` and resolves the promise with what `convert` makes of its outcome.
pub fn in_thread<'env, T, J>(
    env: &'env Env,
    name: &str,
    work: impl FnOnce() -> aster_core::Result<T> + Send + 'static,
    convert: impl FnOnce(Result<T, NativeError>) -> J + Send + 'static,
) -> napi::Result<Object<'env>>
where
    T: Send + 'static,
    J: ToNapiValue + TypeName + 'static,
{
    type Resolver<J> = Box<dyn FnOnce(Env) -> napi::Result<J>>;
    let (deferred, promise): (JsDeferred<J, Resolver<J>>, _) = env.create_deferred()?;
    std::thread::Builder::new().name(name.to_string()).spawn(move || {
        let finished = guarded(work);
        deferred.resolve(Box::new(move |_| Ok(convert(finished))));
    })?;
    Ok(promise)
}
