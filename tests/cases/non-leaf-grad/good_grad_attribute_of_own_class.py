# A small scalar autodiff: the .grad here is an attribute of a Python class.
import math


class Value:
    def __init__(self, data, parents=(), push=None):
        self.data, self.grad, self.parents = data, 0.0, parents
        self._push = push or (lambda: None)

    def __mul__(self, other):
        out = Value(self.data * other.data, (self, other))

        def push():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
        out._push = push
        return out

    def exp(self):
        out = Value(math.exp(self.data), (self,))

        def push():
            self.grad += out.data * out.grad
        out._push = push
        return out

    def backward(self):
        order, seen = [], set()

        def visit(v):
            if v not in seen:
                seen.add(v)
                for p in v.parents:
                    visit(p)
                order.append(v)
        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            v._push()


a, b = Value(2.0), Value(-0.5)
c = a * b
d = c.exp()
d.backward()
print(a.grad, b.grad, c.grad, d.grad)
