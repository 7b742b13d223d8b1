"""What a model file says, and all of export that other packages may touch. No dependency."""
