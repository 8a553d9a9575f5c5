// twl_neutral is how many pictures without colour the process has read as gray ones.
long twl_neutral(void);
