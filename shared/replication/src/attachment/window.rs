//! How many chunks are on their way at a time. It begins with one and grows while answers come quickly; on a thin
//! line it stays small, so that what is urgent stands behind little.

/// Most chunks on their way on one link: 2 MiB.
pub const WINDOW_MAX_CHUNKS: u32 = 64;

/// A request that was answered within this time lets the window grow, in milliseconds.
const QUICK_MS: u64 = 250;
/// One that took longer than this halves it.
const SLOW_MS: u64 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window(u32);

impl Default for Window {
    fn default() -> Self {
        Self(1)
    }
}

impl Window {
    /// Chunks that may be on their way.
    pub(super) fn chunks(self) -> u32 {
        self.0
    }

    /// A request for `count` chunks was answered. With quick answers the window doubles once a round.
    pub(super) fn answered(&mut self, count: u32, took_ms: u64) {
        match took_ms {
            ..QUICK_MS => self.0 = self.0.saturating_add(count).min(WINDOW_MAX_CHUNKS),
            SLOW_MS.. => self.0 = (self.0 / 2).max(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_answers_open_the_window_and_slow_ones_close_it() {
        let mut window = Window::default();
        for expected in [2, 4, 8, 16, 32, 64, 64] {
            window.answered(window.chunks(), 100);
            assert_eq!(window.chunks(), expected);
        }
        window.answered(16, 600);
        assert_eq!(window.chunks(), 64);
        for expected in [32, 16, 8, 4, 2, 1, 1] {
            window.answered(1, 4000);
            assert_eq!(window.chunks(), expected);
        }
    }
}
