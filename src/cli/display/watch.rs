//! One display, fed with events from many threads and with the passing of time.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::progress::{Event, Sink};

/// A way to show progress.
pub trait Display: Send {
    /// Shows one event, or remembers it.
    fn event(&mut self, event: Event);
    /// Called every so often, so that times move and buffers empty.
    fn tick(&mut self);
    /// Shows what is left, and leaves the terminal in order.
    fn finish(&mut self);
}

/// A sink that hands everything to one display and ticks it.
pub struct Watch {
    display: Arc<Mutex<Box<dyn Display>>>,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Watch {
    /// Starts showing.
    pub fn start(display: Box<dyn Display>) -> Watch {
        let display = Arc::new(Mutex::new(display));
        let (stop, stopped): (Sender<()>, Receiver<()>) = channel();
        let ticked = Arc::clone(&display);
        let ticker = std::thread::spawn(move || {
            while stopped
                .recv_timeout(Duration::from_millis(100))
                .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                ticked.lock().unwrap_or_else(PoisonError::into_inner).tick();
            }
        });
        Watch { display, ticker: Some((stop, ticker)) }
    }

    /// Shows what is left and stops.
    pub fn finish(mut self) {
        self.stop();
    }

    /// Stops without showing anything more.
    pub fn abandon(mut self) {
        if let Some((stop, ticker)) = self.ticker.take() {
            drop(stop);
            let _ = ticker.join();
        }
    }

    fn stop(&mut self) {
        if let Some((stop, ticker)) = self.ticker.take() {
            drop(stop);
            // A ticker that panicked has nothing left to show.
            let _ = ticker.join();
            self.display.lock().unwrap_or_else(PoisonError::into_inner).finish();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Sink for Watch {
    fn send(&self, event: Event) {
        self.display.lock().unwrap_or_else(PoisonError::into_inner).event(event);
    }
}
