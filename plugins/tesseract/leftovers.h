// twl_let_go gives back what the answer before it holds: its text, the engine's pictures of
// the page and what it found on them. The engine must still be there.
void twl_let_go(void);

// twl_let_go_of is how many answers were given back.
long twl_let_go_of(void);
