"""Closed-loop tracking on the results page."""

from ml3_ros.experiments.runner.section import NEVER_RELEASED, NOT_IN_PAPER, Section, Target

TRACKING = Section(
    name="sawyer_tracking",
    title="Tracking of Sawyer in closed loop",
    command="ml3 experiment sawyer_tracking --out out/sawyer_tracking",
    paper=NOT_IN_PAPER,
    authors=NEVER_RELEASED,
    ours="error after 30 s, mrad: feedback only {feedback_only/mrad_at_30:.3g}, nominal model "
    "{rigid_body/mrad_at_30:.3g}, shaped {ml3_shaped/mrad_at_30:.3g}, with prior "
    "{ml3_prior/mrad_at_30:.3g}; tuned SGD {sgd_tuned/mrad_at_30:.3g}, tuned Adam "
    "{adam_tuned/mrad_at_30:.3g}; least squares with friction "
    "{least_squares_friction/mrad_at_30:.3g}",
    about="A simulated Sawyer with payload, other masses, friction and noise at 100 Hz, under "
    "computed torque with low gains: PD feedback and a feedforward that is learned in the loop "
    "while the arm moves, from measured torques and filtered velocities. After so many seconds "
    "the model is frozen and makes a motion that it has not learned from. Table: RMS error per "
    "joint, mean over joints [rad], mean over {config/n_robots:.0f} robots of a seed, "
    "{seeds:.0f} seeds. `_residual`: the rigid-body model of the arm as described is fed forward "
    "too, and its error is learned. `_forgetting`: what is older than {config/memory:g} s is "
    "forgotten. "
    "`ml3_prior` is given a model of this kind of arm within its loss. Step sizes of SGD and Adam "
    "were chosen on {config/n_validation_robots:.0f} other robots, six candidates each; losses "
    "are those that ship. Ratios are geometric means over all runs, paired, to tuned Adam.",
    notes=(
        "Over tuned Adam, from scratch: shaped {ml3_shaped/ratio_at_5:.2f} after 5 s, "
        "{ml3_shaped/ratio_at_10:.2f} after 10 s and {ml3_shaped/ratio_at_30:.2f} after 30 s; "
        "adaptive {ml3_adaptive/ratio_at_5:.2f}, {ml3_adaptive/ratio_at_10:.2f} and "
        "{ml3_adaptive/ratio_at_30:.2f}.",
        "Over the nominal model after 2 s and after 30 s: tuned Adam "
        "{adam_tuned/over_rigid_body_at_2:.2f} and {adam_tuned/over_rigid_body_at_30:.2f}, shaped "
        "{ml3_shaped/over_rigid_body_at_2:.2f} and {ml3_shaped/over_rigid_body_at_30:.2f}, with a "
        "prior {ml3_prior/over_rigid_body_at_2:.2f} and {ml3_prior/over_rigid_body_at_30:.2f}, "
        "nominal model with a residual under Adam "
        "{adam_tuned_residual/over_rigid_body_at_2:.2f} and "
        "{adam_tuned_residual/over_rigid_body_at_30:.2f}, least squares with friction columns "
        "{least_squares_friction/over_rigid_body_at_2:.2f} and "
        "{least_squares_friction/over_rigid_body_at_30:.2f}.",
        "Residual on top of the nominal model, over Adam there: shaped "
        "{ml3_shaped_residual/over_adam_residual_at_10:.2f} after 10 s, "
        "{ml3_shaped_residual/over_adam_residual_at_30:.2f} after 30 s; adaptive "
        "{ml3_adaptive_residual/over_adam_residual_at_10:.2f} and "
        "{ml3_adaptive_residual/over_adam_residual_at_30:.2f}. The loss with a prior, alone: "
        "{ml3_prior/over_adam_residual_at_10:.2f} and {ml3_prior/over_adam_residual_at_30:.2f}.",
        "When the payload grows by {config/added_payload:g} kg, seconds until the error over a "
        "period of {config/period:g} s is within {config/recovered:g} times that before, for good "
        "(median; inf: not within {config/after_seconds:g} s), and share of runs: shaped "
        "{ml3_shaped/recovery_s:.3g} ({ml3_shaped/recovered:.0%}), tuned Adam "
        "{adam_tuned/recovery_s:.3g} ({adam_tuned/recovered:.0%}), feedback only "
        "{feedback_only/recovery_s:.3g} ({feedback_only/recovered:.0%}), nominal model "
        "{rigid_body/recovery_s:.3g} ({rigid_body/recovered:.0%}). Learners that forget: shaped "
        "{ml3_shaped_forgetting/recovery_s:.3g} ({ml3_shaped_forgetting/recovered:.0%}), with a "
        "prior {ml3_prior_forgetting/recovery_s:.3g} ({ml3_prior_forgetting/recovered:.0%}), Adam "
        "{adam_tuned_forgetting/recovery_s:.3g} ({adam_tuned_forgetting/recovered:.0%}), least "
        "squares {least_squares_forgetting/recovery_s:.3g} "
        "({least_squares_forgetting/recovered:.0%}).",
        "Each method is held to its own error before, so one that was bad before comes back "
        "easily: read it with the errors at the end, in mrad: shaped, forgetting "
        "{ml3_shaped_forgetting/end_mrad:.3g}, Adam, forgetting "
        "{adam_tuned_forgetting/end_mrad:.3g}, feedback only {feedback_only/end_mrad:.3g}, "
        "nominal model {rigid_body/end_mrad:.3g}.",
    ),
    targets=(
        Target(
            text="`ml3_shaped` over tuned Adam after 30 s",
            key="ml3_shaped/ratio_at_30",
            relation="<=",
            value=1.0,
        ),
        Target(
            text="`ml3_adaptive` over tuned Adam after 30 s",
            key="ml3_adaptive/ratio_at_30",
            relation="<=",
            value=1.0,
        ),
        Target(
            text="`ml3_prior` over the nominal model after 5 s",
            key="ml3_prior/over_rigid_body_at_5",
            relation="<=",
            value=1.0,
        ),
        Target(
            text="`ml3_prior` over a residual under Adam, nominal model given, after 10 s",
            key="ml3_prior/over_adam_residual_at_10",
            relation="<=",
            value=1.0,
        ),
        Target(
            text="share of runs that come back after a change of payload, `ml3_shaped_forgetting`",
            key="ml3_shaped_forgetting/recovered",
            relation=">=",
            value=1.0,
        ),
    ),
    columns=(0, 1, 2, 3, 4, 5, 6, 7, 10, 30),
    panels={
        "": "RMS tracking error after seconds of adaptation, mean over joints [rad]",
        "joints": "by joint, after all adaptation [rad]",
        "recovery": "seconds until the error is back, over the mass added [kg]",
        "payload": "error over the last period, over the seconds after the payload grew [rad]",
    },
    figures={"sawyer_tracking.png": "sawyer_tracking.png"},
    curves=("ml3_prior", "ml3_adaptive", "ml3_shaped", "sgd_tuned", "adam_tuned"),
    y="RMS tracking error [rad]",
)
