package emul

// The types below are the same lines for each number of arguments: Go has no
// variadic type parameters. Each is a kind of function or number, so that a
// row is a conversion, which the linker can lay out: see Row.

// H0 is a handler of a call with no arguments.
type H0 func(t *Task) Action

func (f H0) nargs() int                   { return 0 }
func (f H0) types(a *Args) []any          { return []any{} }
func (f H0) call(t *Task, a *Args) Action { return f(t) }

// H1 is a handler of a call with 1 argument.
type H1[A Word] func(t *Task, a A) Action

func (f H1[A]) nargs() int                   { return 1 }
func (f H1[A]) types(a *Args) []any          { return []any{A(a[0])} }
func (f H1[A]) call(t *Task, a *Args) Action { return f(t, A(a[0])) }

// H2 is a handler of a call with 2 arguments.
type H2[A, B Word] func(t *Task, a A, b B) Action

func (f H2[A, B]) nargs() int                   { return 2 }
func (f H2[A, B]) types(a *Args) []any          { return []any{A(a[0]), B(a[1])} }
func (f H2[A, B]) call(t *Task, a *Args) Action { return f(t, A(a[0]), B(a[1])) }

// H3 is a handler of a call with 3 arguments.
type H3[A, B, C Word] func(t *Task, a A, b B, c C) Action

func (f H3[A, B, C]) nargs() int                   { return 3 }
func (f H3[A, B, C]) types(a *Args) []any          { return []any{A(a[0]), B(a[1]), C(a[2])} }
func (f H3[A, B, C]) call(t *Task, a *Args) Action { return f(t, A(a[0]), B(a[1]), C(a[2])) }

// H4 is a handler of a call with 4 arguments.
type H4[A, B, C, D Word] func(t *Task, a A, b B, c C, d D) Action

func (f H4[A, B, C, D]) nargs() int          { return 4 }
func (f H4[A, B, C, D]) types(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3])} }
func (f H4[A, B, C, D]) call(t *Task, a *Args) Action {
	return f(t, A(a[0]), B(a[1]), C(a[2]), D(a[3]))
}

// H5 is a handler of a call with 5 arguments.
type H5[A, B, C, D, E Word] func(t *Task, a A, b B, c C, d D, e E) Action

func (f H5[A, B, C, D, E]) nargs() int { return 5 }
func (f H5[A, B, C, D, E]) types(a *Args) []any {
	return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4])}
}
func (f H5[A, B, C, D, E]) call(t *Task, a *Args) Action {
	return f(t, A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]))
}

// H6 is a handler of a call with 6 arguments.
type H6[A, B, C, D, E, F Word] func(t *Task, a A, b B, c C, d D, e E, f F) Action

func (f H6[A, B, C, D, E, F]) nargs() int { return 6 }
func (f H6[A, B, C, D, E, F]) types(a *Args) []any {
	return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5])}
}
func (f H6[A, B, C, D, E, F]) call(t *Task, a *Args) Action {
	return f(t, A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5]))
}

// H7 is a handler of a call with 7 arguments.
type H7[A, B, C, D, E, F, G Word] func(t *Task, a A, b B, c C, d D, e E, f F, g G) Action

func (f H7[A, B, C, D, E, F, G]) nargs() int { return 7 }
func (f H7[A, B, C, D, E, F, G]) types(a *Args) []any {
	return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5]), G(a[6])}
}
func (f H7[A, B, C, D, E, F, G]) call(t *Task, a *Args) Action {
	return f(t, A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5]), G(a[6]))
}

// H8 is a handler of a call with 8 arguments.
type H8[A, B, C, D, E, F, G, H Word] func(t *Task, a A, b B, c C, d D, e E, f F, g G, h H) Action

func (f H8[A, B, C, D, E, F, G, H]) nargs() int { return 8 }
func (f H8[A, B, C, D, E, F, G, H]) types(a *Args) []any {
	return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5]), G(a[6]), H(a[7])}
}
func (f H8[A, B, C, D, E, F, G, H]) call(t *Task, a *Args) Action {
	return f(t, A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4]), F(a[5]), G(a[6]), H(a[7]))
}

// P0 is the number of a Linux call that serves one with no arguments as it stands.
type P0 HostNR

func (nr P0) nargs() int          { return 0 }
func (nr P0) types(a *Args) []any { return []any{} }
func (nr P0) host() HostNR        { return HostNR(nr) }

// P1 is the number of a Linux call that serves one with 1 argument as it stands.
type P1[A Word] HostNR

func (nr P1[A]) nargs() int          { return 1 }
func (nr P1[A]) types(a *Args) []any { return []any{A(a[0])} }
func (nr P1[A]) host() HostNR        { return HostNR(nr) }

// P2 is the number of a Linux call that serves one with 2 arguments as it stands.
type P2[A, B Word] HostNR

func (nr P2[A, B]) nargs() int          { return 2 }
func (nr P2[A, B]) types(a *Args) []any { return []any{A(a[0]), B(a[1])} }
func (nr P2[A, B]) host() HostNR        { return HostNR(nr) }

// P3 is the number of a Linux call that serves one with 3 arguments as it stands.
type P3[A, B, C Word] HostNR

func (nr P3[A, B, C]) nargs() int          { return 3 }
func (nr P3[A, B, C]) types(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2])} }
func (nr P3[A, B, C]) host() HostNR        { return HostNR(nr) }

// P4 is the number of a Linux call that serves one with 4 arguments as it stands.
type P4[A, B, C, D Word] HostNR

func (nr P4[A, B, C, D]) nargs() int          { return 4 }
func (nr P4[A, B, C, D]) types(a *Args) []any { return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3])} }
func (nr P4[A, B, C, D]) host() HostNR        { return HostNR(nr) }

// P5 is the number of a Linux call that serves one with 5 arguments as it stands.
type P5[A, B, C, D, E Word] HostNR

func (nr P5[A, B, C, D, E]) nargs() int { return 5 }
func (nr P5[A, B, C, D, E]) types(a *Args) []any {
	return []any{A(a[0]), B(a[1]), C(a[2]), D(a[3]), E(a[4])}
}
func (nr P5[A, B, C, D, E]) host() HostNR { return HostNR(nr) }
