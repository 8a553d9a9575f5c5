// twl_ambiguities says whether the engine's table of what is easily confused is to be
// loaded with the next language.
void twl_ambiguities(int wanted);

// twl_unloaded is how often the process has done without the table.
long twl_unloaded(void);
