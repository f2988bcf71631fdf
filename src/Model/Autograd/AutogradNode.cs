using System.Runtime.InteropServices;
using static Spikeformer.Autograd.AutogradNative;
using static TorchSharp.torch;

namespace Spikeformer.Autograd;

/// <summary>A differentiable operation of our own: a node of libtorch's autograd graph with a backward pass in C#. A subclass computes its outputs, keeps the
/// tensors that the backward pass needs in fields, and calls <see cref="Connect"/>. libtorch then calls <see cref="Backward"/> once.</summary>
/// <remarks>
/// <para>TorchSharp's own <c>SingleTensorFunction</c> does not survive a long run: an exception in its backward pass ends the process, returned
/// gradients can be finalised while libtorch still copies them, and every output gets a hidden twin of the same size.</para>
/// <para>If <see cref="Backward"/> throws, this and every later node of the pass give undefined gradients, and
/// <see cref="Differentiation.Backward"/> rethrows the exception after libtorch has returned. Fields must hold detached tensors
/// (<c>x.detach()</c> shares memory): a saved output that refers to its node would never be freed.</para>
/// </remarks>
internal abstract unsafe class AutogradNode
{
    private readonly Differentiation.Pass _pass = Differentiation.Pass.OfThisThread;
    private int _inputCount;

    /// <summary>Computes the gradients of the inputs.</summary>
    /// <param name="outputGradients">One per output; null if no gradient flows back to it. The caller disposes them.</param>
    /// <param name="inputGradients">Receives one per input; null means no gradient. The caller takes ownership.</param>
    protected abstract void Backward(ReadOnlySpan<Tensor?> outputGradients, Span<Tensor?> inputGradients);

    /// <summary>Disposes the tensors kept for the backward pass. Called once: after that pass, or when the graph is dropped without one.</summary>
    protected abstract void Release();

    /// <summary>Puts this node between <paramref name="inputs"/> and <paramref name="outputs"/> in the graph.</summary>
    /// <param name="inputs">The tensors that the outputs were computed from, in the order of the gradients of <see cref="Backward"/>.</param>
    /// <param name="outputs">Newly computed tensors without history. This call takes ownership; use the result instead.</param>
    /// <returns>The outputs, in the graph if gradients are enabled and an input requires one. The caller disposes them.</returns>
    protected Tensor[] Connect(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        bool required = false;
        foreach (Tensor input in inputs) required |= input.requires_grad;
        if (!required || !is_grad_enabled())
        {
            Release();
            return outputs.ToArray();
        }

        _inputCount = inputs.Length;
        nint* handles = stackalloc nint[inputs.Length + outputs.Length];
        var inputArray = new TensorArray { Handles = handles, Count = inputs.Length };
        var outputArray = new TensorArray { Handles = handles + inputs.Length, Count = outputs.Length };
        for (int i = 0; i < inputs.Length; i++) handles[i] = inputs[i].Handle;
        for (int i = 0; i < outputs.Length; i++) handles[inputs.Length + i] = outputs[i].Handle;

        NodePointers node = Callbacks.Rent(this).CreateNode();
        try
        {
            THSAutograd_CSharpNode_setNextEdges(node, inputArray, executable: true);
            THSAutograd_CSharpNode_clearInputMetadata(node);
            THSAutograd_Function_wrapOutputs(inputArray, default, default, outputArray, node, &AllocateResults);
            CheckForErrors();
            var connected = new Tensor[outputs.Length];
            for (int i = 0; i < connected.Length; i++) connected[i] = Tensor.UnsafeCreateTensor(Results[i]);
            foreach (Tensor output in outputs) output.Dispose();
            foreach (Tensor input in inputs) GC.KeepAlive(input);
            return connected;
        }
        finally
        {
            // From now on only the outputs' graph keeps the node alive.
            THSAutograd_CSharpNode_disposeWeakPtr(node);
            THSAutograd_CSharpNode_disposeSharedPtr(node);
        }
    }

    private void Apply(nint* gradientHandles, int count, nint* resultHandles)
    {
        var outputGradients = new Tensor?[count];
        for (int i = 0; i < count; i++)
            if (gradientHandles[i] != 0)
                outputGradients[i] = Tensor.UnsafeCreateTensor(gradientHandles[i]);
        new Span<nint>(resultHandles, _inputCount).Clear();
        try
        {
            if (_pass.Exception is not null) return;
            var inputGradients = new Tensor?[_inputCount];
            using (var scope = NewDisposeScope())
            {
                Backward(outputGradients, inputGradients);
                foreach (Tensor? gradient in inputGradients) gradient?.DetachFromDisposeScope();
            }
            for (int i = 0; i < _inputCount; i++)
            {
                if (inputGradients[i] is not { } gradient) continue;
                _pass.KeepUntilCopied(gradient);
                resultHandles[i] = gradient.Handle;
            }
        }
        catch (Exception exception)
        {
            _pass.Exception ??= exception;
            new Span<nint>(resultHandles, _inputCount).Clear();
        }
        finally
        {
            foreach (Tensor? gradient in outputGradients) gradient?.Dispose();
        }
    }

    /// <summary>The two C callbacks of one native node. libtorch passes no context, so each node needs its own pair of thunks. Thunks are costly, so they are
    /// reused after their node is deleted. <see cref="s_all"/> keeps every instance, so no thunk is ever collected.</summary>
    private sealed class Callbacks
    {
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate TensorArray ApplyCallback(nint* gradients, int count);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate void DeletedCallback();

        private static readonly Lock s_lock = new();
        private static readonly List<Callbacks> s_all = [];
        private static readonly Stack<Callbacks> s_free = [];

        private readonly ApplyCallback _apply;
        private readonly DeletedCallback _deleted;
        private readonly nint _applyPointer, _deletedPointer;
        private AutogradNode? _node;
        private nint* _results;
        private int _resultCapacity;

        private Callbacks()
        {
            (_apply, _deleted) = (Apply, Deleted);
            (_applyPointer, _deletedPointer) = (Marshal.GetFunctionPointerForDelegate(_apply), Marshal.GetFunctionPointerForDelegate(_deleted));
        }

        public static Callbacks Rent(AutogradNode node)
        {
            Callbacks? callbacks;
            lock (s_lock)
                if (!s_free.TryPop(out callbacks))
                    s_all.Add(callbacks = new Callbacks());
            callbacks._node = node;
            if (callbacks._resultCapacity < node._inputCount)
            {
                callbacks._results = (nint*)NativeMemory.Realloc(callbacks._results, (nuint)(node._inputCount * sizeof(nint)));
                callbacks._resultCapacity = node._inputCount;
            }
            return callbacks;
        }

        public NodePointers CreateNode()
        {
            NodePointers node = THSAutograd_CSharpNode_ctor(_applyPointer, _deletedPointer);
            CheckForErrors();
            return node;
        }

        private TensorArray Apply(nint* gradients, int count)
        {
            _node!._pass.ReleaseCopied();
            _node.Apply(gradients, count, _results);
            _node.ReleaseOnce();
            return new TensorArray { Handles = _results, Count = _node._inputCount };
        }

        private void Deleted()
        {
            _node!.ReleaseOnce();
            _node = null;
            lock (s_lock) s_free.Push(this);
        }
    }

    private void ReleaseOnce()
    {
        if (_released) return;
        _released = true;
        Release();
    }

    private bool _released;
}
