//! What lets the requests of one file pass until it is given up. A request that is broken off here goes on at the server: what
//! is to be removed for good has to wait for the answers first.

use std::future::Future;

use tokio::sync::RwLock;

/// Passed by the requests of one file, some at once; closed for good when the file is given up.
#[derive(Debug, Default)]
pub(super) struct Gate(RwLock<bool>);

impl Gate {
    /// Makes a request, unless the file was given up.
    pub(super) async fn pass<T>(
        &self,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> object_store::Result<T> {
        let closed = self.0.read().await;
        if *closed {
            let source = "the file was given up".into();
            return Err(object_store::Error::Generic { store: "S3", source });
        }
        request.await
    }

    /// Lets no more requests pass, and waits for the answers to those on their way.
    pub(super) async fn close(&self) {
        *self.0.write().await = true;
    }

    /// Whether requests may pass. They may not while somebody waits to close it.
    pub(super) fn is_open(&self) -> bool {
        self.0.try_read().is_ok_and(|closed| !*closed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn it_closes_when_what_was_on_its_way_is_answered_and_lets_nothing_pass_from_then_on() {
        let gate = Arc::new(Gate::default());
        let (answer, answered) = oneshot::channel::<()>();
        let (sent, on_its_way) = oneshot::channel::<()>();
        let passing = Arc::clone(&gate);
        let request = tokio::spawn(async move {
            let request = async {
                sent.send(()).unwrap();
                answered.await.unwrap();
                Ok(7)
            };
            passing.pass(request).await.unwrap()
        });
        on_its_way.await.unwrap();
        assert!(gate.is_open());
        let mut closing = Box::pin(gate.close());
        assert!(futures_util::poll!(&mut closing).is_pending());
        assert!(!gate.is_open());
        answer.send(()).unwrap();
        closing.await;
        assert_eq!(request.await.unwrap(), 7);
        assert!(gate.pass(async { Ok(8) }).await.is_err());
    }
}
