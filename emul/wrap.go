package emul

// Code below is the same line for each number of arguments: Go has no variadic
// type parameters. It is not inlined into the table, whose initialization
// is part of every start: as 500 calls it is half as long.

// H0 declares a handler with 0 arguments.
//
//go:noinline
func H0(f func(t *Task) Action) Impl {
	return Impl{
		Level: LevelHandled, NArgs: 0,
		Call:  func(t *Task, a *Args) Action { return f(t) },
		Types: func(a *Args) []any { return []any{} },
	}
}

// H1 declares a handler with 1 arguments.
//
//go:noinline
func H1[A Word](f func(t *Task, a A) Action) Impl {
	return Impl{
		Level: LevelHandled, NArgs: 1,
		Call:  func(t *Task, a *Args) Action { return f(t, A(a[0])) },
		Types: func(a *Args) []any { return []any{A(a[0])} },
	}
}

// H2 declares a handler with 2 arguments.
//
//go:noinline
func H2[A, B Word](f func(t *Task, a A, b B) Action) Impl {
	return Impl{
		Level: LevelHandled, NArgs: 2,
		Call:  func(t *Task, a *Args) Action { return f(t, A(a[0]), B(a[1])) },
		Types: func(a *Args) []any { return []any{A(a[0]), B(a[1])} },
	}
}

// H3 declares a handler with 3 arguments.
//
//go:noinline
func H3[A, B, C Word](f func(t *Task, a A, b B, c C) Action) Impl {
	return Impl{
		Level: LevelHandled, NArgs: 3,
		Call:  func(t *Task, a *Args) Action { return f(t, A(a[0]), B(a[1]), C(a[2])) },
		Types: func(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2])} },
	}
}

// H4 declares a handler with 4 arguments.
//
//go:noinline
func H4[A, B, C, D Word](f func(t *Task, a A, b B, c C, d D) Action) Impl {
	return Impl{
		Level: LevelHandled, NArgs: 4,
		Call:  func(t *Task, a *Args) Action { return f(t, A(a[0]), B(a[1]), C(a[2]), D(a[3])) },
		Types: func(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3])} },
	}
}

// H5 declares a handler with 5 arguments.
//
//go:noinline
func H5[A, B, C, D, E Word](f func(t *Task, a A, b B, c C, d D, e E) Action) Impl {
	return Impl{
		Level: LevelHandled, NArgs: 5,
		Call:  func(t *Task, a *Args) Action { return f(t, A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4])) },
		Types: func(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4])} },
	}
}

// H6 declares a handler with 6 arguments.
//
//go:noinline
func H6[A, B, C, D, E, F Word](f func(t *Task, a A, b B, c C, d D, e E, f F) Action) Impl {
	return Impl{
		Level: LevelHandled, NArgs: 6,
		Call:  func(t *Task, a *Args) Action { return f(t, A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5])) },
		Types: func(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5])} },
	}
}

// H7 declares a handler with 7 arguments.
//
//go:noinline
func H7[A, B, C, D, E, F, G Word](f func(t *Task, a A, b B, c C, d D, e E, f F, g G) Action) Impl {
	return Impl{
		Level: LevelHandled, NArgs: 7,
		Call: func(t *Task, a *Args) Action {
			return f(t, A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5]), G(a[6]))
		},
		Types: func(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5]), G(a[6])} },
	}
}

// H8 declares a handler with 8 arguments.
//
//go:noinline
func H8[A, B, C, D, E, F, G, H Word](f func(t *Task, a A, b B, c C, d D, e E, f F, g G, h H) Action) Impl {
	return Impl{
		Level: LevelHandled, NArgs: 8,
		Call: func(t *Task, a *Args) Action {
			return f(t, A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5]), G(a[6]), H(a[7]))
		},
		Types: func(a *Args) []any {
			return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5]), G(a[6]), H(a[7])}
		},
	}
}

// P0 declares a call that Linux serves as it stands, with 0 arguments.
//
//go:noinline
func P0(nr HostNR) Impl {
	return Impl{
		Level: LevelPass, NArgs: 0, Host: nr,
		Call:  func(t *Task, a *Args) Action { return Tail(nr) },
		Types: func(a *Args) []any { return []any{} },
	}
}

// P1 declares a call that Linux serves as it stands, with 1 arguments.
//
//go:noinline
func P1[A Word](nr HostNR) Impl {
	return Impl{
		Level: LevelPass, NArgs: 1, Host: nr,
		Call:  func(t *Task, a *Args) Action { return Tail(nr, a[0]) },
		Types: func(a *Args) []any { return []any{A(a[0])} },
	}
}

// P2 declares a call that Linux serves as it stands, with 2 arguments.
//
//go:noinline
func P2[A, B Word](nr HostNR) Impl {
	return Impl{
		Level: LevelPass, NArgs: 2, Host: nr,
		Call:  func(t *Task, a *Args) Action { return Tail(nr, a[0], a[1]) },
		Types: func(a *Args) []any { return []any{A(a[0]), B(a[1])} },
	}
}

// P3 declares a call that Linux serves as it stands, with 3 arguments.
//
//go:noinline
func P3[A, B, C Word](nr HostNR) Impl {
	return Impl{
		Level: LevelPass, NArgs: 3, Host: nr,
		Call:  func(t *Task, a *Args) Action { return Tail(nr, a[0], a[1], a[2]) },
		Types: func(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2])} },
	}
}

// P4 declares a call that Linux serves as it stands, with 4 arguments.
//
//go:noinline
func P4[A, B, C, D Word](nr HostNR) Impl {
	return Impl{
		Level: LevelPass, NArgs: 4, Host: nr,
		Call:  func(t *Task, a *Args) Action { return Tail(nr, a[0], a[1], a[2], a[3]) },
		Types: func(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3])} },
	}
}

// P5 declares a call that Linux serves as it stands, with 5 arguments.
//
//go:noinline
func P5[A, B, C, D, E Word](nr HostNR) Impl {
	return Impl{
		Level: LevelPass, NArgs: 5, Host: nr,
		Call:  func(t *Task, a *Args) Action { return Tail(nr, a[0], a[1], a[2], a[3], a[4]) },
		Types: func(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4])} },
	}
}
