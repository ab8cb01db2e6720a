/* What the programs have in common: a call that must answer a certain number, or the program ends and says why. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "siding_netisr.h"

static inline void check_answer(int got, int wanted, const char *call, const char *here)
{
	if (got == wanted)
		return;
	fprintf(stderr, "%s: %s: %d, not %d: %s\n", here, call, got, wanted, siding_last_error());
	exit(1);
}

static inline void check_that(int holds, const char *what, const char *here)
{
	if (holds)
		return;
	fprintf(stderr, "%s: it is not so that %s\n", here, what);
	exit(1);
}

#define ANSWERS(wanted, call) check_answer((call), (wanted), #call, SIDING_HERE)
#define CHECK(call) ANSWERS(SIDING_OK, call)
#define THAT(what) check_that((what), #what, SIDING_HERE)

#endif
