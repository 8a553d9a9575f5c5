// twl_lines is how many lines of pages the process has kept without PNG.
long twl_lines(void);
