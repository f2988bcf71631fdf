using System.Runtime.InteropServices;

namespace Spikeformer.Autograd;

/// <summary>libLibTorchSharp's entry points for autograd nodes written in C#.</summary>
internal static unsafe partial class AutogradNative
{
    /// <summary>A borrowed array of tensor handles; a zero handle is an undefined tensor.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TensorArray
    {
        public nint* Handles;
        public long Count;
    }

    /// <summary>A native node: a shared pointer that keeps it alive, and a weak pointer for calls.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct NodePointers
    {
        public nint Shared;
        public nint Weak;
    }

    [LibraryImport("LibTorchSharp")]
    public static partial NodePointers THSAutograd_CSharpNode_ctor(nint apply, nint deleted);

    [LibraryImport("LibTorchSharp")]
    public static partial void THSAutograd_CSharpNode_disposeSharedPtr(NodePointers node);

    [LibraryImport("LibTorchSharp")]
    public static partial void THSAutograd_CSharpNode_disposeWeakPtr(NodePointers node);

    [LibraryImport("LibTorchSharp")]
    public static partial void THSAutograd_CSharpNode_setNextEdges(NodePointers node, TensorArray inputs, [MarshalAs(UnmanagedType.U1)] bool executable);

    [LibraryImport("LibTorchSharp")]
    public static partial void THSAutograd_CSharpNode_clearInputMetadata(NodePointers node);

    [LibraryImport("LibTorchSharp")]
    public static partial void THSAutograd_Function_wrapOutputs(
        TensorArray inputs, TensorArray nonDifferentiable, TensorArray dirty, TensorArray outputs, NodePointers node, delegate* unmanaged<nuint, nint*> allocate);

    [LibraryImport("LibTorchSharp")]
    public static partial void THSAutograd_backward(
        nint* roots, long rootCount, nint* gradients, long gradientCount,
        [MarshalAs(UnmanagedType.U1)] bool retainGraph, [MarshalAs(UnmanagedType.U1)] bool createGraph, nint* inputs, long inputCount);

    /// <summary>Gives <c>wrapOutputs</c> this thread's result array, which is valid until the thread's next call.</summary>
    [UnmanagedCallersOnly]
    public static nint* AllocateResults(nuint count)
    {
        if (s_resultCapacity < count)
        {
            s_results = (nint*)NativeMemory.Realloc(s_results, count * (nuint)sizeof(nint));
            s_resultCapacity = count;
        }
        return s_results;
    }

    /// <summary>The array that this thread's last call of <see cref="AllocateResults"/> returned.</summary>
    public static nint* Results => s_results;

    [ThreadStatic] private static nint* s_results;
    [ThreadStatic] private static nuint s_resultCapacity;
}
