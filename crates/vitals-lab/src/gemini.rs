//! An LLM stub in the shape of Gemini's REST API: a stand-in for the real API, which costs money and needs a key.
