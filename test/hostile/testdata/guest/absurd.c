// Sizes that no program means.
#include "lib.h"

int absurd(void) { return 0; }
int execs(char **names) { return 0; }
