//! Journeys, walls and faults of the whole platform.
