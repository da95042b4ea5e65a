// Programs that are none, executed by a guest that must survive it.
#include "lib.h"

// execs takes pairs of a name and the errno that execve must answer; "k" and
// a number instead is the signal that the new program must die of, "x" and a
// number its status, "a" says that it may end in any way.
int execs(char **names) {
	int wrong = 0;
	struct progress *p = (struct progress *)map(0, PAGE, PROT_RW, SHARED | ANON);
	SYS2(132, "fifo", 0600);
	SYS1(SYS_close, SYS3(SYS_open, "unreadable", 0x201, 0).v);
	static char kept[PAGE];
	for (; names[0] && names[1]; names += 2) {
		char how = names[1][0];
		memset(kept, 0x5a, PAGE);
		int status = 0;
		struct ret r = SYS0(SYS_fork);
		if (r.e)
			die("fork", r.e);
		if (r.v == 0) {
			char *argv[] = {names[0], "exit", "77", 0};
			long fd = SYS3(SYS_open, ".", 0, 0).v;
			struct ret e = SYS3(SYS_execve, names[0], argv, argv + 3);
			// Here is still the old program, with all that it had.
			char st[256];
			for (int i = 0; i < PAGE; i++)
				if (kept[i] != 0x5a)
					SYS1(SYS_exit, 201);
			if (SYS2(SYS_fstat, fd, st).e || SYS0(SYS_getpid).e)
				SYS1(SYS_exit, 202);
			SYS1(SYS_exit, e.e);
		}
		int stuck = 0;
		status = await(r.v, p, how == 'a' ? 200 : 20000, &stuck);
		if (how == 'a' && status != 201 << 8 && status != 202 << 8)
			continue;
		long want = how == 'k' ? number(names[1] + 1) : how == 'x' ? number(names[1] + 1) << 8 : number(names[1]) << 8;
		if ((status & ~0x80) != want) {
			say("%s: status %x, want %x\n", names[0], (long)status, want);
			wrong++;
		}
	}
	return wrong;
}
