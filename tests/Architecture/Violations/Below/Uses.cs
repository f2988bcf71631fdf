using Spikeformer.Architecture.Violations.Above;

namespace Spikeformer.Architecture.Violations.Below;

// Each type depends upwards in one way. The compiler moves some of these bodies into types of its own.

public sealed class BaseClass : Roof;

public sealed class Interface : IRoof;

public sealed class Field
{
    private readonly Roof? _roof = null;

    public override string ToString() => $"{_roof}";
}

public sealed class Parameter
{
    public void Take(Roof roof) => ArgumentNullException.ThrowIfNull(roof);
}

public sealed class AttributeOnMethod
{
    [Roof]
    public void Marked() { }
}

public sealed class TypeArgument
{
    public object Make() => new List<Roof>();
}

public sealed class ArgumentOfMethod
{
    public object Make() => Array.Empty<Roof>();
}

public sealed class TypeOf
{
    public Type Name() => typeof(Roof);
}

public sealed class StaticField
{
    public int Count() => Roof.Tiles;
}

public sealed class StaticProperty
{
    public object Get() => Roof.Shared;
}

public sealed class Pattern
{
    public bool Is(object value) => value is Roof;
}

public sealed class Lambda
{
    public Func<object> Later() => () => Roof.Shared;
}

public sealed class Closure
{
    public Func<bool> Later(object value) => () => value is Roof;
}

public sealed class LambdaInField
{
    public static readonly Func<object> Make = () => Roof.Shared;
}

public sealed class LocalFunction
{
    public object Make()
    {
        return Inner();
        static object Inner() => Roof.Shared;
    }
}

public sealed class AsyncMethod
{
    public async Task<object> GetAsync()
    {
        await Task.Yield();
        return Roof.Shared;
    }
}

public sealed class AsyncLambda
{
    public Func<Task<object>> Later() => async () =>
    {
        await Task.Yield();
        return Roof.Shared;
    };
}

public sealed class ClosureInAsyncLambda
{
    public Func<Task<Func<bool>>> Later(object value) => async () =>
    {
        await Task.Yield();
        return () => value is Roof;
    };
}

public sealed class Iterator
{
    public IEnumerable<object> All()
    {
        yield return Roof.Shared;
    }
}

public sealed class NestedType
{
    public sealed class Inner
    {
        public object Make() => Roof.Shared;
    }
}

public sealed class Constraint<T> where T : Roof
{
    public bool Has(T? value) => value is not null;
}

/// <summary>Depends on nothing above.</summary>
public sealed class Innocent
{
    public int Answer() => 42;
}
